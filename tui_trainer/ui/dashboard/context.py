"""The interface through which actions use the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from textual.screen import ModalScreen

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.state.run_state import LogLine, RunState
from tui_trainer.ui.actions import Keymap
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.charts.registry import ChartData
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.settings import Settings

Answer = TypeVar("Answer")


class DashboardContext(Protocol):
    """The dashboard as action classes see it: what they read, send and ask, and how they have it redrawn."""

    @property
    def view_state(self) -> ViewState:
        """The runs and how they are shown."""
        ...

    @property
    def selected_run(self) -> RunState:
        """The selected run; an empty one before anything is known."""
        ...

    @property
    def icons(self) -> Icons:
        """The symbols that the screen uses."""
        ...

    @property
    def palette(self) -> Palette:
        """The colours of the curves."""
        ...

    @property
    def chart_width(self) -> int:
        """Columns of the plot area of a visible chart."""
        ...

    @property
    def keymap(self) -> Keymap:
        """The user's keys."""
        ...

    @property
    def settings(self) -> Settings:
        """The settings of the screen."""
        ...

    def perform(self, name: str, value: str = "") -> None:
        """Perform an action of the table, or show why it is unavailable.

        Args:
            name: id of the action.
            value: what its form opens with, for an action that has one: a rate, a kind, KEY=VALUE.
        """
        ...

    def reveal(self, line: LogLine) -> None:
        """Scroll the events to one of them."""
        ...

    def send(self, command: AnyCommand, description: str, run: str | None = None) -> None:
        """Send a command to `run`, or to the runs that keys steer; the footer shows `description` until the answer."""
        ...

    def ask(
        self,
        dialog: ModalScreen[Answer | None],
        accepted: Callable[[Answer], None],
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        """Push a dialog; call `accepted` with its answer, or `cancelled` where it is None."""
        ...

    def flash(self, text: str, *, error: bool = False, seconds: float = 5.0) -> None:
        """Show a message in the footer for some seconds."""
        ...

    def redraw(self) -> None:
        """Draw now."""
        ...

    def request_redraw(self) -> None:
        """Draw soon: at once, or with the next tick where the last drawing is very recent."""
        ...

    def relayout(self) -> None:
        """Lay the widgets out for the size and the view state, and draw."""
        ...

    def learning_rate_chart(self, plan: LrPlan | None, width: int, height: int) -> ChartData:
        """Return the chart of the learning rate, with `plan` drawn over the one in force."""
        ...

    def leave(self, result: AppResult) -> None:
        """Close the session and the screen."""
        ...
