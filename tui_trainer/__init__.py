"""A terminal UI for training PyTorch models."""

from tui_trainer.user_log import log as log

__version__ = "0.1.0"
