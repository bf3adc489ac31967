from tui_trainer.monitor.monitor import Monitor as Monitor
from tui_trainer.monitor.monitor import StopTraining as StopTraining
from tui_trainer.user_log import log as log

__version__: str
