"""When the run stops early."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from textual.widget import Widget

from tui_trainer.components.base import Count, NonNegative
from tui_trainer.ui.forms.form import Form
from tui_trainer.ui.screens.dialogs.base import Dialog


class Patience(BaseModel):
    """What may be changed about early stopping while a run goes on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """Whether the run may stop before its last epoch."""
    patience: Count = 10
    """Epochs without improvement after which the run stops."""
    min_delta: NonNegative = 0.0
    """The improvement that counts."""


class AskPatience(Dialog[Patience]):
    """Answers with the new settings of early stopping."""

    DEFAULT_CSS = """
    AskPatience Form { height: 6; }
    """

    def __init__(self, now: Patience, monitor: str) -> None:
        super().__init__(f"Early stopping on {monitor}")
        self._now = now

    def inside(self) -> list[Widget]:
        """The form."""
        return [Form(Patience, self._now)]

    def on_mount(self) -> None:
        """Start in the first field."""
        super().on_mount()
        self.query_one(Form).focus_first()

    def on_form_submitted(self) -> None:
        """Accept what can be read."""
        self.action_accept()

    def action_accept(self) -> None:
        """Answer, where every field can be read."""
        filled = self.query_one(Form).filled
        if filled.model is not None:
            self.answer(filled.model)
