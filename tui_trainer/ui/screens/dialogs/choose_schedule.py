"""A dialog that chooses a schedule, with a preview next to the one in force."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.components.schedulers.base import Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.forms.parse_number import parse_rate
from tui_trainer.ui.render.preview_widget import Draw
from tui_trainer.ui.screens.dialogs.choose_component import ChooseComponent
from tui_trainer.ui.steering.review import Review, review_scheduler


class ChooseSchedule(ChooseComponent[Scheduler]):
    """Answers with a schedule, to begin at once from the current learning rate or from `base`."""

    DEFAULT_CSS = """
    ChooseSchedule #base-row { height: 1; margin-bottom: 1; }
    ChooseSchedule.-low #base-row { margin-bottom: 0; }
    ChooseSchedule #base-row .name { width: 18; color: $muted; }
    ChooseSchedule #base-row TextEntry { width: 22; }
    ChooseSchedule #base-hint { width: 1fr; padding-left: 1; color: $muted; }
    """

    def __init__(
        self,
        kinds: Mapping[str, type[Scheduler]],
        current: Scheduler | None,
        state: RunState,
        draw: Draw,
        proposed: str = "",
    ) -> None:
        super().__init__("Schedule", kinds, current, self._begin, draw, self._reviewed_with_base, proposed=proposed)
        self._state = state
        self._base_text = ""

    def inside(self) -> list[Widget]:
        """Return the widgets of `ChooseComponent` below the entry for the initial rate."""
        widgets = super().inside()
        row = Horizontal(
            Static(Content("initial rate"), classes="name"),
            TextEntry(placeholder=number(self._state.lr), id="base"),
            Static(Content("empty: the current rate"), id="base-hint"),
            id="base-row",
        )
        return [row, *widgets]

    @property
    def base(self) -> float | None:
        """The initial learning rate; None for the current one."""
        if not self._base_text.strip():
            return None
        try:
            return parse_rate(self._base_text).value
        except ValueError:
            return None

    def _reviewed_with_base(self, chosen: Scheduler) -> Review:
        return review_scheduler(self._state, chosen, self.base)

    def _begin(self, chosen: Scheduler) -> LrPlan | None:
        base = self.base or self._state.lr
        if base <= 0:
            return None
        state = self._state
        end = state.plan.end if state.plan is not None else state.total_steps
        scheduler = cast("AnyScheduler", chosen)
        return LrPlan.begin(scheduler, base, step=state.step, end=end, steps_per_epoch=state.steps_per_epoch)

    @on(Input.Changed, "#base")
    def _base_typed(self, event: Input.Changed) -> None:
        event.stop()
        self._base_text = event.value
        hint = "empty: the current rate"
        if event.value.strip():
            try:
                hint = "" if parse_rate(event.value).value is not None else "! enter a rate, not a factor"
            except ValueError as error:
                hint = f"! {error}"
        self.query_one("#base-hint", Static).update(Content(hint))
        self.query_one("#base-hint").set_class(hint.startswith("!"), "-wrong")
        self.refresh_preview()

    @on(Input.Submitted, "#base")
    def _base_entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.accept()

    def accept(self) -> None:
        """Answer with the schedule, where the initial rate is valid as well."""
        if self._base_text.strip() and self.base is None:
            self.query_one("#base").focus()
        else:
            super().accept()
