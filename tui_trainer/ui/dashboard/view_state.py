"""The view state of the dashboard: the runs, the selected one, the view, and what fills the screen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import time
from typing import Literal

from tui_trainer.config.lesson import Lesson
from tui_trainer.protocol.commands import ALL_RUNS
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.availability import ActionContext
from tui_trainer.ui.charts.composed.pages import ChartPages
from tui_trainer.ui.charts.registry import (
    ChartKind,
    Pane,
    PicturePane,
    panes_of,
    picture_panes,
    visible_span,
    visible_spans,
)
from tui_trainer.ui.charts.view import Baseline, View
from tui_trainer.ui.dashboard.layout import LayoutRequest
from tui_trainer.ui.dashboard.zoom_loader import ZoomLoader
from tui_trainer.ui.keeping.kept_runs import KeptRuns
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.lecture.next_lesson import NextLesson
from tui_trainer.ui.lecture.notes import minutes_since
from tui_trainer.ui.pages.shading import shaded_stretches
from tui_trainer.ui.run_store import RunStore
from tui_trainer.ui.sets.set_view import SetView

PageName = Literal["", "findings", "layers", "runs", "answers", "comparison", "leaderboard", "notes"]
"""A page beside the charts; empty where none is open."""
ONLY_PAGE: PageName = "notes"
"""The page that has the screen to itself."""
WIDE_PAGES: tuple[PageName, ...] = ("comparison", "leaderboard")
"""Pages that need the full width: they open below the charts in a terminal of any size."""


@dataclass(slots=True)
class ViewState:
    """The part of the screen's state that keys change and the training does not.

    Attributes:
        store: the runs.
        read_only: whether this screen was asked not to steer.
        projector: whether the screen is read from afar.
        notes: whether this screen was opened for the notes of a teacher, to which `back` returns.
        view: axis, span, cursor and smoothing of all charts.
        selected_index: position of the selected run.
        maximized: the chart or picture that the user, or a remark, chose to be the large one; None for the first.
        alone: whether that chart fills the screen.
        page: the page that is open beside the charts, or below them.
        log_all: whether the log shows epochs and saves too, at a larger size.
        mark: the intervention whose card is open.
        steer_all: whether commands go to every run of the set.
        summary: whether the summary of a run that ended is open.
        lesson: the lesson of the selected run.
        narrator: shows the remarks of the lesson.
        lecture: whether the run was opened from the lecture.
        zoom_loader: loads exact values of the visible span from the journals.
        muted: the findings that the user muted, by run.
        finding: position of the finding that the page shows in full.
        layer_measure: number of the measure that the layers page shows over the steps.
        pages: the pages of further charts.
        sets: what is chosen for a set of runs: hidden ones, an order, a baseline.
        kept_runs: the names that the user gave the runs.
        minutes: the minutes since the selected run began, while the notes say them.
        next_lesson: finds the lesson that follows, for the notes.
    """

    store: RunStore
    read_only: bool = False
    projector: bool = False
    notes: bool = False
    view: View = field(default_factory=View)
    selected_index: int = 0
    maximized: Pane | None = None
    alone: bool = False
    page: PageName = ""
    log_all: bool = False
    mark: Mark | None = None
    steer_all: bool = False
    summary: bool = True
    lesson: Lesson | None = None
    narrator: Narrator = field(default_factory=Narrator)
    lecture: bool = False
    zoom_loader: ZoomLoader = field(default_factory=ZoomLoader)
    muted: dict[str, frozenset[str]] = field(default_factory=dict[str, "frozenset[str]"])
    finding: int = 0
    layer_measure: int = 0
    pages: ChartPages = field(default_factory=ChartPages)
    sets: SetView = field(default_factory=SetView)
    kept_runs: KeptRuns = field(default_factory=KeptRuns)
    minutes: int = 0
    next_lesson: NextLesson = field(default_factory=NextLesson)

    def poll(self) -> bool:
        """Take what was read in the background. Returns whether the screen has to be drawn."""
        minutes = self.minutes
        if self.page == ONLY_PAGE and self.selected_run is not None:
            self.minutes = minutes_since(self.selected_run, time())
        following = self.next_lesson.poll(self.store) if self.notes else None
        if following is not None:
            self.replace_runs(following)
        polled = [self.sets.poll(), self.zoom_loader.poll(), self.kept_runs.look(self.store), following is not None]
        for run in self.kept_runs.gone & self.store.states.keys():
            if len(self.store.states) > 1:  # the last one stays: an empty screen would say less
                self.drop(run)
        return any(polled) or self.minutes != minutes

    def drop(self, run: str) -> None:
        """Show a run no more; the one in front stays there."""
        names = list(self.store.states)
        if run in names and names.index(run) < self.selected_index:
            self.selected_index -= 1
        self.store.drop(run)
        self.selected_index = min(self.selected_index, max(len(self.store.states) - 1, 0))

    def toggle_page(self, page: PageName) -> None:
        """Open a page in place of the one that is open, or close it. The screen needs a layout then."""
        self.page = "" if self.page == page else page
        self.finding = 0

    def replace_runs(self, session: Session) -> None:
        """Show the runs of another session in the same way; reset all that belongs to the present ones."""
        self.store.replace_runs(session)
        self.view = replace(self.view, span=None, cursor=None, told=(), foreseen={})
        self.mark, self.summary = None, True
        self.narrator.reset()
        self.zoom_loader, self.kept_runs = ZoomLoader(), KeptRuns()

    @property
    def states(self) -> list[RunState]:
        """The runs in their order, with their earlier curves while a new host loads them."""
        return [self.store.shown(state) for state in self.store.states.values()]

    @property
    def drawn_states(self) -> list[RunState]:
        """The runs as the charts draw them: with exact values from the journals in a zoomed span."""
        return self.states if self.view.span is None else [self.zoom_loader.zoomed(state) for state in self.states]

    @property
    def chart_view(self) -> View:
        """The view with the hidden runs and the baseline, for the charts."""
        baseline = self.sets.baseline_state(self.states)
        behind = Baseline(baseline) if baseline else None
        return replace(self.view, hidden=self.sets.hidden, baseline=behind, named=self.projector)

    def load_zoom(self) -> None:
        """Load the visible span from the journals where the values in memory are too coarse for it."""
        states = self.states
        if self.view.span is None or not states:
            return
        selected = min(self.selected_index, len(states) - 1)
        spans = visible_spans(states, selected, self.view)
        order = sorted(range(len(states)), key=lambda index: index != selected)
        self.zoom_loader.request([states[k] for k in order], [spans[k] for k in order], self.store.session)

    @property
    def selected_run(self) -> RunState | None:
        """The selected run, None before anything is known of any."""
        states = self.states
        return states[min(self.selected_index, len(states) - 1)] if states else None

    @property
    def muted_findings(self) -> frozenset[str]:
        """The findings of the selected run that the user muted."""
        state = self.selected_run
        return self.muted.get(state.run, frozenset()) if state is not None else frozenset()

    @property
    def starting(self) -> bool:
        """Whether the selected run has nothing to draw yet."""
        state = self.selected_run
        return state is None or (state.started is None and not state.over)

    @property
    def layout_key(self) -> tuple[object, ...]:
        """All that decides, besides the size, which parts of the screen are visible; a new value needs a layout."""
        over = self.selected_run is not None and self.selected_run.over
        parts = (self.maximized, self.alone, self.page, self.log_all, self.mark is not None, over and self.summary)
        pages = (self.pages.page, self.pages.grid, self.pages.on_page(self.selected_run)) if self.on_chart_page else ()
        return (self.starting, self.panes, len(self.store.states), parts, self.lesson is None, pages)

    @property
    def target(self) -> str:
        """The run that commands go to."""
        state = self.selected_run
        return ALL_RUNS if self.steer_all or state is None else state.run

    @property
    def action_context(self) -> ActionContext:
        """The facts that decide which actions are available."""
        session = self.store.session
        return ActionContext(
            self.selected_run,
            len(self.store.states),
            session.kind,
            session.can_steer,
            self.read_only,
            self.store.connected,
            bool(self.store.resumable),
            self.lesson is not None,
            self.lecture,
            bool(self.pages.charts(self.selected_run) or self.pages.filter),
            self.lesson is not None and self.lesson.tries is not None,
            self.lesson is not None and bool(self.lesson.sliders),
            self.store.held_by(self.selected_run),
        )

    @property
    def panes(self) -> tuple[Pane, ...]:
        """The charts that have data of the selected run, and its first pictures, the most important first.

        The throughput stands in the header: its chart is shown on request.
        """
        panes = panes_of(self.states, self.selected_index)
        return tuple(pane for pane in panes if pane is not ChartKind.SPEED)

    @property
    def on_chart_page(self) -> bool:
        """Whether a further page of charts is on the screen."""
        return self.pages.is_open(self.selected_run)

    @property
    def ordered_panes(self) -> tuple[Pane, ...]:
        """The panes as they are placed: the chosen one first."""
        panes: tuple[Pane, ...] = self.panes
        if self.on_chart_page:
            panes = tuple(self.pages.on_page(self.selected_run))
        if self.maximized is None:
            return panes
        return (self.maximized, *(pane for pane in panes if pane != self.maximized))

    @property
    def contents(self) -> LayoutRequest:
        """The parts that want a place on the screen."""
        equal = self.on_chart_page and self.maximized is None
        return LayoutRequest(
            len(self.pages.charts(self.selected_run)) if equal else len(self.panes),
            pictures=bool(self.pictures),
            chosen=self.maximized is not None,
            alone=self.alone,
            lesson=self.lesson is not None,
            page=bool(self.page),
            wide_page=self.page in WIDE_PAGES,
            only_page=self.page == ONLY_PAGE,
            full_log=self.log_all,
            projector=self.projector,
            grid=self.pages.grid if equal else None,
        )

    def mark_stretches(self) -> None:
        """Have the charts mark the steps that the open page or card speaks of."""
        shaded = shaded_stretches(self.selected_run, self.page, self.mark, self.muted_findings, self.finding)
        if shaded != self.view.shaded:
            self.view = replace(self.view, shaded=shaded)

    @property
    def something_open(self) -> bool:
        """Whether `back` closes something: a card, the cursor, a page, the log, a chosen chart, a zoom, a summary."""
        over = self.selected_run is not None and self.selected_run.over
        return (
            self.mark is not None
            or self.view.cursor is not None
            or bool(self.page)
            or self.log_all
            or self.alone
            or self.maximized is not None
            or self.on_chart_page
            or self.view.span is not None
            or (over and self.summary)
        )

    @property
    def pictures(self) -> tuple[PicturePane, ...]:
        """The pictures of the selected run."""
        return picture_panes(self.states, self.selected_index)

    @property
    def visible_span(self) -> tuple[float, float]:
        """The first and the last visible step."""
        states = self.states
        if not states:
            return 0.0, 1.0
        return visible_span(states, min(self.selected_index, len(states) - 1), self.view)
