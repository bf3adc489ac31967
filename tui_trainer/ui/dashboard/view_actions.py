"""The keys that change what is looked at, and nothing of the training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from tui_trainer.protocol.pictures import Bars, drawing_of
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.charts.registry import MAX_PICTURES, ChartKind, Pane, PicturePane
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard import viewport
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.dashboard.viewport import CLOSER

if TYPE_CHECKING:
    from tui_trainer.ui.dashboard.screen import Dashboard

PAN = 0.25
"""Share of what is in sight that one key moves."""


class ViewActions:
    """What a person does to the view."""

    def __init__(self, dashboard: Dashboard, watch: ViewState) -> None:
        self._dashboard = dashboard
        self._watch = watch

    def doings(self) -> dict[str, Callable[[], None]]:
        """What each action does, by its id."""
        charts = {f"chart_{kind.key}": self._whole(kind) for kind in ChartKind}
        return {
            **charts,
            **{f"picture_{place + 1}": self._shot(place) for place in range(MAX_PICTURES)},
            "pictures": self.pictures,
            "next_run": self.next_run,
            "runs": self.runs,
            "axis": self.axis,
            "log_y": self.log_y,
            "smoothing": self.smoothing,
            "zoom": lambda: self.look(viewport.zoom_switched(self._watch.view, self._watch.chosen)),
            "zoom_in": lambda: self.zoom(CLOSER),
            "zoom_out": lambda: self.zoom(1 / CLOSER),
            "cursor_left": lambda: self.cursor(-1),
            "cursor_right": lambda: self.cursor(1),
            "pan_left": lambda: self.pan(-PAN),
            "pan_right": lambda: self.pan(PAN),
            "previous_mark": lambda: self.mark(forward=False),
            "next_mark": lambda: self.mark(forward=True),
            "over_time": self.over_time,
            "layers": self.layers,
            "diagnosis": self.diagnosis,
            "steer_all": self.steer_all,
            "back": self.back,
        }

    def look(self, view: View) -> None:
        """Look in another way."""
        if view != self._watch.view:
            self._watch.view = view
            self._dashboard.look_changed()

    def _whole(self, kind: ChartKind) -> Callable[[], None]:
        return lambda: self.whole(None if self._watch.whole is kind else kind)

    def _shot(self, place: int) -> Callable[[], None]:
        def switch() -> None:
            shots = self._watch.shots
            if place >= len(shots):
                self._dashboard.say(f"the run has {len(shots) or 'no'} picture{'' if len(shots) == 1 else 's'}")
            else:
                self.whole(None if self._watch.whole == shots[place] else shots[place])

        return switch

    def whole(self, pane: Pane | None) -> None:
        """Give a chart or a picture the whole screen; None gives it back to all."""
        self._watch.layers = self._watch.diagnosis = False
        self._watch.whole = pane
        self._dashboard.rearrange()

    def pictures(self) -> None:
        """The first picture on the whole screen, then the next, and after the last one all charts again."""
        turns: list[Pane | None] = [None, *self._watch.shots]
        if len(turns) == 1:
            self._dashboard.say('the run has no pictures: a preset asks for some, pictures = ["layers"]')
            return
        here = self._watch.whole
        self.whole(turns[(turns.index(here) + 1) % len(turns)] if here in turns else turns[1])

    def next_run(self) -> None:
        """The next run comes to the front."""
        watch = self._watch
        watch.front = (watch.front + 1) % len(watch.states)
        watch.mark = None
        self._dashboard.rearrange()

    def runs(self) -> None:
        """Choose the run that comes to the front from a table of all."""
        watch = self._watch

        def chosen(place: int) -> None:
            watch.front, watch.mark = place, None
            self._dashboard.rearrange()

        self._dashboard.ask(self._dashboard.side_by_side(), chosen)

    def axis(self) -> None:
        """Count something else along the charts."""
        self.look(self._watch.view.next_axis())
        self._dashboard.say(f"x axis: {self._watch.view.axis}")

    def log_y(self) -> None:
        """Logarithmic or linear."""
        self.look(replace(self._watch.view, log_y=not self._watch.view.log_y))
        self._dashboard.say("logarithmic y" if self._watch.view.log_y else "linear y")

    def smoothing(self) -> None:
        """Smoother, up to not at all."""
        self.look(viewport.smoother(self._watch.view))
        self._dashboard.say(viewport.smoothing_words(self._watch.view))

    def zoom(self, share: float) -> None:
        """Closer or farther, around the cursor or the newest step."""
        watch = self._watch
        state = watch.chosen
        around = watch.view.cursor if watch.view.cursor is not None else float(state.step if state is not None else 0)
        self.look(viewport.zoomed(watch.view, share, watch.sight, viewport.extent(state), around))

    def pan(self, share: float) -> None:
        """Earlier or later steps."""
        if self._watch.view.span is None:
            self._dashboard.say("the whole run is in sight: zoom in first")
        self.look(viewport.panned(self._watch.view, share, viewport.extent(self._watch.chosen)))

    def cursor(self, columns: int) -> None:
        """Move the cursor by columns of a chart."""
        watch = self._watch
        state = watch.chosen
        if state is not None:
            watch.mark = None
            width = self._dashboard.chart_width()
            self.look(viewport.cursor_moved(watch.view, columns, width, watch.sight, state))

    def cursor_at(self, step: float) -> None:
        """Put the cursor where somebody clicked."""
        state = self._watch.chosen
        if state is not None:
            self._watch.mark = None
            self.look(viewport.cursor_at(self._watch.view, step, state))

    def span(self, span: viewport.Span | None) -> None:
        """Show a span that the mouse asked for, None the whole run."""
        self.look(viewport.spanned(self._watch.view, span, viewport.extent(self._watch.chosen)))

    def mark(self, *, forward: bool) -> None:
        """Go to the next intervention and open its card."""
        watch = self._watch
        state = watch.chosen
        if state is None:
            return
        at = watch.mark.step if watch.mark is not None else watch.view.cursor
        found: Mark | None = viewport.neighbour_mark(state, at, forward)
        if found is None and watch.lecture:
            self._dashboard.guide.go(1 if forward else -1)
            return
        if found is None:
            self._dashboard.say("no intervention after this one" if forward else "no intervention before this one")
            return
        watch.mark = found
        watch.view = viewport.cursor_at(watch.view, found.step, state)
        self._dashboard.rearrange()

    def over_time(self) -> None:
        """The next group of the bars over time, after the last one the bars again; they get the screen first."""
        watch = self._watch
        bars = {name: drawing_of(taken) for name, taken in (watch.chosen or RunState()).pictures.items()}
        groups = {name: drawing.groups for name, drawing in bars.items() if isinstance(drawing, Bars)}
        shots = [shot for shot in watch.shots if shot.name in groups]
        if not shots:
            self._dashboard.say("the picture of bars has not been taken again yet")
            return
        if watch.whole not in shots:
            self.whole(shots[0])
        here = watch.whole if isinstance(watch.whole, PicturePane) else shots[0]
        after = (watch.view.bars + 1) % (len(groups[here.name]) + 1)
        self.look(replace(watch.view, bars=after))
        self._dashboard.say(f"{groups[here.name][after - 1].name} over time" if after else "as they are now")

    def layers(self) -> None:
        """The table of the layers, or the charts again."""
        watch = self._watch
        watch.layers, watch.diagnosis, watch.whole = not watch.layers, False, None
        self._dashboard.rearrange()

    def diagnosis(self) -> None:
        """The findings, or the charts again."""
        watch = self._watch
        watch.layers, watch.diagnosis, watch.whole = False, not watch.diagnosis, None
        self._dashboard.rearrange()

    def steer_all(self) -> None:
        """Every run, or the one in front."""
        watch = self._watch
        watch.steer_all = not watch.steer_all
        self._dashboard.say(f"steering all {len(watch.states)} runs" if watch.steer_all else "steering the chosen run")
        self._dashboard.looked()

    def back(self) -> None:
        """One step back: card, cursor, layers or findings, whole chart, zoom, summary, in this order."""
        watch = self._watch
        if watch.mark is not None:
            watch.mark, watch.view = None, replace(watch.view, cursor=None)
        elif watch.view.cursor is not None:
            watch.view = replace(watch.view, cursor=None)
        elif watch.layers or watch.diagnosis or watch.whole is not None:
            watch.layers, watch.diagnosis, watch.whole = False, False, None
        elif watch.view.span is not None:
            watch.view = replace(watch.view, span=None)
        elif watch.summary and watch.chosen is not None and watch.chosen.over:
            watch.summary = False
        else:
            return
        self._dashboard.rearrange()
