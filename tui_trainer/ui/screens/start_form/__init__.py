"""The form before a training: its model, optimizer, schedule and length, and free KEY=VALUE."""

from tui_trainer.ui.screens.start_form.form import Chosen as Chosen
from tui_trainer.ui.screens.start_form.form import StartForm as StartForm
from tui_trainer.ui.screens.start_form.form import check_of as check_of
