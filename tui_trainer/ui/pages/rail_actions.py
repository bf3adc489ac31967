"""Actions that open, close and move through the pages beside the charts, and the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.dashboard.view_state import PageName
from tui_trainer.ui.keeping.keep_actions import RunKeeper
from tui_trainer.ui.screens.run_table import RunTable

Handler = Callable[[], None]


class RailActions:
    """Handlers of the keys of the pages.

    Args:
        context: the dashboard.
        select: brings the run with an index to the front.
        scroll: scrolls the open page, or the log, by pages; negative values go up.
        others: the handlers of the keys that mean something else while no page is open.
    """

    def __init__(
        self,
        context: DashboardContext,
        select: Callable[[int], None],
        scroll: Callable[[int], None],
        others: Mapping[str, Handler],
    ) -> None:
        self._context = context
        self._state = context.view_state
        self._select = select
        self._scroll = scroll
        self._others = others

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action by its id."""
        return {
            "layers": lambda: self.toggle("layers"),
            "answers": lambda: self.toggle("answers"),
            "diagnosis": lambda: self.toggle("findings"),
            "runs": self.runs,
            "log_all": self.log_all,
            "log_up": lambda: self._scroll(-1),
            "log_down": lambda: self._scroll(1),
            "zoom_in": lambda: self._move(-1, "zoom_in"),
            "zoom_out": lambda: self._move(1, "zoom_out"),
        }

    def toggle(self, page: PageName) -> None:
        """Open a page in place of the one that is open, or close it."""
        self._state.toggle_page(page)
        self._context.relayout()

    def runs(self) -> None:
        """Open the list of the runs; from there, the table with the settings in which they differ."""
        state, context = self._state, self._context
        if state.page != "runs":
            self.toggle("runs")
        else:
            table = RunTable(state.states, state.selected_index, context.icons, context.palette)
            table.keeper = RunKeeper(context)
            names = list(state.store.states)
            context.ask(table, lambda index: self._bring(names[index]))

    def _bring(self, run: str) -> None:
        """Bring a run to the front, if it was not deleted meanwhile."""
        names = list(self._state.store.states)
        if run in names:
            self._select(names.index(run))

    def log_all(self) -> None:
        """Show epochs and saves in a larger log too, or leave them out again."""
        self._state.log_all = not self._state.log_all
        self._context.relayout()

    def _move(self, runs: int, other: str) -> None:
        """Bring the next run of the list to the front; without the list, do what the key does elsewhere."""
        state = self._state
        if state.page == "runs" and state.states:
            self._select(min(max(state.selected_index + runs, 0), len(state.states) - 1))
        else:
            self._others[other]()
