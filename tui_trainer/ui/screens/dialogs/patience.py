"""A dialog that changes early stopping."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from textual.widget import Widget

from tui_trainer.components.base import Count, NonNegative
from tui_trainer.ui.forms.form import Form
from tui_trainer.ui.screens.dialogs.reviewed import Reviewed
from tui_trainer.ui.steering.review import review_fields


class Patience(BaseModel):
    """The settings of early stopping that can change during a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    enabled: bool = True
    """Stop the run before its last epoch when it no longer improves."""
    patience: Count = 10
    """Epochs without improvement after which the run stops."""
    min_delta: NonNegative = 0.0
    """Smallest change that counts as an improvement."""


class AskPatience(Reviewed[Patience]):
    """Answers with the new settings of early stopping."""

    DEFAULT_CSS = """
    AskPatience Form { height: 6; }
    """

    def __init__(self, current: Patience, monitor: str) -> None:
        super().__init__(f"Early stopping on {monitor}", lambda answer: review_fields(current, answer))
        self._current = current

    def inside(self) -> list[Widget]:
        """Return the form."""
        return [Form(Patience, self._current), *self.review_widgets()]

    def on_mount(self) -> None:
        """Focus the first field."""
        super().on_mount()
        self.query_one(Form).focus_first()

    def on_form_changed(self, event: Form.Changed) -> None:
        """Show the difference."""
        self.reviewed(event.filled.model)

    def on_form_submitted(self) -> None:
        """Accept the form."""
        self.accept()

    def accept(self) -> None:
        """Answer with the settings, where no field has an error."""
        filled = self.query_one(Form).filled
        if filled.model is not None:
            self.submit(filled.model)
