"""Actions that change the view and nothing of the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tui_trainer.protocol.pictures import Bars, Histogram, drawing_of
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.state.series_names import axes_of, title_of
from tui_trainer.ui.charts.registry import MAX_PICTURES, ChartKind, Pane, PicturePane
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard import viewport
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.dashboard.view_state import ONLY_PAGE
from tui_trainer.ui.dashboard.viewport import CLOSER

PAN = 0.25
"""Share of the visible span that one key press moves."""


class ViewActions:
    """Handlers of the keys and mouse events that change what the charts show. None of them changes a run."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._state = context.view_state

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        charts = {f"chart_{kind.key}": self._toggle_chart(kind) for kind in ChartKind}
        return {
            **charts,
            **{f"picture_{index + 1}": self._toggle_picture(index) for index in range(MAX_PICTURES)},
            "pictures": self.next_picture,
            "next_run": lambda: self.next_run(1),
            "previous_run": lambda: self.next_run(-1),
            "axis": self.axis,
            "smoothing": self.smoothing,
            "zoom": lambda: self.set_view(viewport.zoom_switched(self._state.view, self._state.selected_run)),
            "zoom_in": lambda: self.zoom(CLOSER),
            "zoom_out": lambda: self.zoom(1 / CLOSER),
            "cursor_left": lambda: self.move_cursor(-1),
            "cursor_right": lambda: self.move_cursor(1),
            "first_step": lambda: self.cursor_to_end(last=False),
            "last_step": lambda: self.cursor_to_end(last=True),
            "pan_left": lambda: self.pan(-PAN),
            "pan_right": lambda: self.pan(PAN),
            "previous_mark": lambda: self.go_to_mark(forward=False),
            "next_mark": lambda: self.go_to_mark(forward=True),
            "over_time": self.over_time,
            "steer_all": self.steer_all,
            "back": self.back,
        }

    def set_view(self, view: View) -> None:
        """Set the view of all charts and redraw where it is another one."""
        if view != self._state.view:
            self._state.view = view
            self._context.request_redraw()

    def _toggle_chart(self, kind: ChartKind) -> Callable[[], None]:
        def toggle() -> None:
            if not self._on_page(kind.key - 1):
                self.enlarge(kind)

        return toggle

    def _on_page(self, place: int) -> bool:
        """Let a chart of a further page fill the screen, or show the page again. False on the standard page."""
        state = self._state
        if not state.on_chart_page:
            return False
        charts = state.pages.on_page(state.selected_run)
        if state.maximized is not None:
            self.maximize(None)
        elif place < len(charts):
            state.maximized, state.alone = charts[place], True
            self._context.relayout()
        else:
            self._context.flash(f"this page has {len(charts)} charts")
        return True

    def _toggle_picture(self, index: int) -> Callable[[], None]:
        def toggle() -> None:
            if self._on_page(len(ChartKind) + index):
                return
            pictures = self._state.pictures
            if index >= len(pictures):
                count = len(pictures) or "no"
                self._context.flash(f"this run has {count} picture{'' if len(pictures) == 1 else 's'}")
            else:
                self.enlarge(pictures[index])

        return toggle

    def enlarge(self, pane: Pane) -> None:
        """Make a chart or a picture the large one; then let it fill the screen; then show all charts as usual."""
        state = self._state
        first = None if state.pictures else next(iter(state.panes), None)
        if state.alone and state.maximized == pane:
            self.maximize(None)
        elif pane == (state.maximized or first):
            state.maximized, state.alone = pane, True
            self._context.relayout()
        else:
            self.maximize(pane)

    def maximize(self, pane: Pane | None) -> None:
        """Make a chart or a picture the large one; None for the first."""
        self._state.maximized, self._state.alone = pane, False
        self._context.relayout()

    def next_picture(self) -> None:
        """Maximize the first picture, then the next one, and after the last one show all charts."""
        panes: list[Pane | None] = [None, *self._state.pictures]
        if len(panes) == 1:
            self._context.flash('this run records no pictures; add them to a preset: pictures = ["layers"]')
            return
        current = self._state.maximized
        self.maximize(panes[(panes.index(current) + 1) % len(panes)] if current in panes else panes[1])

    def next_run(self, offset: int) -> None:
        """Select the next run, or the previous one."""
        self.select((self._state.selected_index + offset) % len(self._state.states))

    def select(self, index: int) -> None:
        """Bring a run to the front."""
        self._state.selected_index, self._state.mark = index, None
        self._context.relayout()

    def axis(self) -> None:
        """Show the next unit on the x axis."""
        run = self._state.selected_run
        self.set_view(self._state.view.next_axis(axes_of(run.series) if run is not None else ()))
        self._context.flash(f"x axis: {title_of(self._state.view.axis)}")

    def smoothing(self) -> None:
        """Smooth the training curves more, then not at all."""
        self.set_view(viewport.next_smoothing(self._state.view))
        self._context.flash(viewport.smoothing_text(self._state.view))

    def zoom(self, share: float) -> None:
        """Show a span `share` as wide, around the cursor or the newest step."""
        run, view = self._state.selected_run, self._state.view
        around = view.cursor if view.cursor is not None else float(run.step if run is not None else 0)
        self.set_view(viewport.zoomed(view, share, self._state.visible_span, viewport.extent(run), around))

    def pan(self, share: float) -> None:
        """Show earlier or later steps, by a share of the visible span."""
        if self._state.view.span is None:
            self._context.flash("the full run is visible; zoom in first")
        self.set_view(viewport.panned(self._state.view, share, viewport.extent(self._state.selected_run)))

    def move_cursor(self, columns: int) -> None:
        """Move the cursor by columns of a chart."""
        run = self._state.selected_run
        if run is not None:
            self._state.mark = None
            width, span = self._context.chart_width, self._state.visible_span
            self.set_view(viewport.cursor_moved(self._state.view, columns, width, span, run))

    def cursor_to_end(self, *, last: bool) -> None:
        """Put the cursor on the first or the newest step, and show that end of a zoomed run."""
        state, run = self._state, self._state.selected_run
        if run is None:
            return
        extent = viewport.extent(run)
        span = state.view.span
        view = state.view
        if span is not None:
            width = span[1] - span[0]
            moved = (extent[1] - width, extent[1]) if last else (extent[0], extent[0] + width)
            view = viewport.spanned(view, moved, extent)
        state.mark = None
        self.set_view(viewport.cursor_at(view, float(run.step) if last else extent[0], run))

    def cursor_at(self, step: float) -> None:
        """Put the cursor at a step that was clicked."""
        run = self._state.selected_run
        if run is not None:
            self._state.mark = None
            self.set_view(viewport.cursor_at(self._state.view, step, run))

    def set_span(self, span: viewport.Span | None) -> None:
        """Show a span that was chosen with the mouse; None shows the full run."""
        self.set_view(viewport.spanned(self._state.view, span, viewport.extent(self._state.selected_run)))

    def go_to_mark(self, *, forward: bool) -> None:
        """Go to the next or previous intervention and open its card."""
        state = self._state
        run = state.selected_run
        if run is None:
            return
        step = state.mark.step if state.mark is not None else state.view.cursor
        mark: Mark | None = viewport.neighbour_mark(run, step, forward)
        if mark is None:
            self._context.flash("no later intervention" if forward else "no earlier intervention")
            return
        state.mark = mark
        state.view = viewport.cursor_at(state.view, mark.step, run)
        self._context.relayout()

    def over_time(self) -> None:
        """Draw the next group of bars over time, after the last group the bars as they are now.

        The first press also maximizes the picture of the bars.
        """
        state = self._state
        drawings = {
            name: drawing_of(picture) for name, picture in (state.selected_run or RunState.blank()).pictures.items()
        }
        groups = {name: drawing.groups for name, drawing in drawings.items() if isinstance(drawing, Bars | Histogram)}
        pictures = [picture for picture in state.pictures if picture.name in groups]
        if not pictures:
            self._context.flash("the picture with bars has not been recorded again yet")
            return
        if state.maximized not in pictures:
            self.maximize(pictures[0])
        current = state.maximized if isinstance(state.maximized, PicturePane) else pictures[0]
        bars, names = isinstance(drawings[current.name], Bars), [group.name for group in groups[current.name]]
        if bars:
            names = ["", *names]
        group = (state.view.bars + 1) % len(names)
        self.set_view(replace(state.view, bars=group))
        self._context.flash(f"{names[group]} over time" if names[group] or not bars else "current values")

    def steer_all(self) -> None:
        """Switch between steering all runs and the selected one."""
        state = self._state
        state.steer_all = not state.steer_all
        runs = len(state.states)
        self._context.flash(f"keys steer all {runs} runs" if state.steer_all else "keys steer the selected run")
        self._context.redraw()

    def back(self) -> None:
        """Close one thing: card, cursor, page, full log, chosen chart, zoom, summary, in this order."""
        state = self._state
        if state.mark is not None:
            state.mark, state.view = None, replace(state.view, cursor=None)
        elif state.view.cursor is not None:
            state.view = replace(state.view, cursor=None)
        elif state.page:
            state.page = ""
        elif state.log_all:
            state.log_all = False
        elif state.alone:
            state.alone = False
            if state.on_chart_page:
                state.maximized = None
        elif state.maximized is not None:
            state.maximized = None
        elif state.on_chart_page and state.pages.filter:
            state.pages.filter = ""
        elif state.on_chart_page:
            state.pages.page = 0
        elif state.view.span is not None:
            state.view = replace(state.view, span=None)
        elif state.summary and state.selected_run is not None and state.selected_run.over:
            state.summary = False
        elif state.notes:
            state.page = ONLY_PAGE
        else:
            return
        self._context.relayout()
