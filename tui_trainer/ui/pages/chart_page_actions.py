"""Actions that turn the pages of charts, filter them and set their grid."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.ui.charts.composed.catalog import filtered, heading_of
from tui_trainer.ui.charts.composed.page_choice import GRIDS
from tui_trainer.ui.dashboard.context import DashboardContext


class ChartPageActions:
    """Handlers of the keys of the pages of charts.

    Args:
        context: the dashboard.
        search: searches elsewhere, for the standard page.
    """

    def __init__(self, context: DashboardContext, search: Callable[[], None]) -> None:
        self._context = context
        self._pages = context.view_state.pages
        self._search = search

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {
            "next_charts": lambda: self._turn(1),
            "previous_charts": lambda: self._turn(-1),
            "chart_grid": self.grid,
            "search": self.search,
        }

    def _turn(self, pages: int) -> None:
        state = self._context.view_state
        present = self._pages.page if state.on_chart_page else 0
        if self._pages.filter and not self._pages.charts(state.selected_run):
            self._pages.filter = ""  # remembered from another run of the project
        count = self._pages.count(state.selected_run) + 1
        self._pages.page = (min(present, count - 1) + pages) % count
        state.maximized, state.alone = None, False
        # The first layout of a page finds out how many charts have room on it.
        self._context.relayout()
        self._say()

    def _say(self) -> None:
        pages, run = self._pages, self._context.view_state.selected_run
        if not self._context.view_state.on_chart_page:
            self._context.flash("the standard charts")
            return
        groups = dict.fromkeys(map(heading_of, pages.on_page(run)))
        parts = [f"page {pages.page + 1} of {pages.count(run) + 1}", f"{len(pages.charts(run))} charts"]
        parts += [", ".join(groups)] if groups else []
        parts += [f"filter {pages.filter}, esc clears it"] if pages.filter else []
        self._context.flash("; ".join(parts))

    def grid(self) -> None:
        """Choose the next grid. The first chart of the page stays on the page."""
        pages = self._pages
        run = self._context.view_state.selected_run
        first = next(iter(pages.on_page(run)), None)
        pages.grid = GRIDS[(GRIDS.index(pages.grid) + 1) % len(GRIDS)]
        pages.page = max(pages.page, 1)
        self._context.relayout()
        pages.page = pages.page_of(first, run) if first is not None else 1
        self._context.relayout()
        columns, rows = pages.grid
        self._context.flash(f"{columns}x{rows} charts on a page" if columns else "as many charts as have room")

    def search(self) -> None:
        """Filter the charts while letters are typed; on the standard page, search the events."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        pages = self._pages
        if not self._context.view_state.on_chart_page:
            self._search()
            return
        before = (pages.filter, pages.page)

        def parse(text: str) -> str:
            filtered((), text)
            if text != pages.filter:
                pages.filter, pages.page = text, 1
                self._context.relayout()
            return text

        def cancelled() -> None:
            pages.typing = False
            pages.filter, pages.page = before
            self._context.relayout()

        def accepted(text: str) -> None:
            pages.typing = False
            if text and not pages.charts(self._context.view_state.selected_run):
                cancelled()
                self._context.flash(f"no chart matches {text}; the filter is as it was", error=True)
            else:
                self._say()

        dialog = Prompt(
            "Filter the charts", "a regular expression on their names, such as val.*loss; empty shows all",
            pages.filter, parse, reason=False,
        )  # fmt: skip
        pages.typing = True
        self._context.ask(dialog, accepted, cancelled)
