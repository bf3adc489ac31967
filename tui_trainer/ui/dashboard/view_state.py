"""What is being looked at, and how: the runs, the one in front, the view, what fills the screen."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from tui_trainer.config.lesson import Lesson
from tui_trainer.protocol.commands import ALL_RUNS
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.availability import ActionContext
from tui_trainer.ui.charts.registry import Pane, PicturePane, panes_of, picture_panes, visible_span, visible_spans
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard.zoom_loader import ZoomLoader
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.run_store import RunStore


@dataclass(slots=True)
class ViewState:
    """Changed by keys and never by the training.

    Attributes:
        feed: the runs.
        read_only: whether this screen was asked not to steer.
        view: how all charts are looked at.
        front: the place of the run in front.
        whole: the chart or the picture that has the whole screen.
        layers: whether the table of the layers stands in place of the charts.
        diagnosis: whether the findings stand in place of the charts.
        mark: the intervention whose card is open.
        steer_all: whether commands go to every run of the set.
        summary: whether the summary of a run that ended is open.
        lesson: the lesson of the run in front.
        narrator: tells it.
        lecture: whether this was opened from the table of contents of the lecture.
        closeups: what was read again from the journals where somebody zoomed in.
    """

    feed: RunStore
    read_only: bool = False
    view: View = field(default_factory=View)
    front: int = 0
    whole: Pane | None = None
    layers: bool = False
    diagnosis: bool = False
    mark: Mark | None = None
    steer_all: bool = False
    summary: bool = True
    lesson: Lesson | None = None
    narrator: Narrator = field(default_factory=Narrator)
    lecture: bool = False
    closeups: ZoomLoader = field(default_factory=ZoomLoader)

    def begin(self, session: Session) -> None:
        """Look at other runs in the same way: what belonged to those of before is put away."""
        self.feed.begin(session)
        self.view = replace(self.view, span=None, cursor=None, told=())
        self.mark, self.summary = None, True
        self.narrator.begin_again()
        self.closeups = ZoomLoader()

    @property
    def states(self) -> list[RunState]:
        """The runs in their order."""
        return list(self.feed.states.values())

    @property
    def seen(self) -> list[RunState]:
        """The runs as they are drawn: where somebody zoomed in, with what was read again from their journals."""
        return self.states if self.view.span is None else [self.closeups.closer(state) for state in self.states]

    def look_closer(self) -> None:
        """Have what is in sight read again from the journals, where it was kept too coarsely for that."""
        states = self.states
        if self.view.span is None or not states:
            return
        front = min(self.front, len(states) - 1)
        spans = visible_spans(states, front, self.view)
        order = sorted(range(len(states)), key=lambda place: place != front)
        self.closeups.want([states[k] for k in order], [spans[k] for k in order], self.feed.session)

    @property
    def chosen(self) -> RunState | None:
        """The run in front, None before anything is known of any."""
        states = self.states
        return states[min(self.front, len(states) - 1)] if states else None

    @property
    def starting(self) -> bool:
        """Whether the run in front has nothing to draw yet."""
        state = self.chosen
        return state is None or (state.started is None and not state.over)

    @property
    def shape(self) -> tuple[object, ...]:
        """What decides, beside the size, which parts of the screen there are."""
        over = self.chosen is not None and self.chosen.over
        parts = (self.whole, self.layers, self.diagnosis, self.mark is not None, over and self.summary)
        return (self.starting, self.panes, len(self.feed.states), parts, self.lesson is None)

    @property
    def target(self) -> str:
        """Which run a command is for."""
        state = self.chosen
        return ALL_RUNS if self.steer_all or state is None else state.run

    @property
    def situation(self) -> ActionContext:
        """What can be done now."""
        session = self.feed.session
        return ActionContext(
            self.chosen,
            len(self.feed.states),
            session.kind,
            session.can_steer,
            self.read_only,
            self.feed.connected,
            bool(self.feed.resumable),
            self.lesson is not None,
            self.lecture,
        )

    @property
    def panes(self) -> tuple[Pane, ...]:
        """The charts that the run in front has something for, and its first pictures, by their importance."""
        return panes_of(self.states, self.front)

    @property
    def shots(self) -> tuple[PicturePane, ...]:
        """The pictures of the run in front."""
        return picture_panes(self.states, self.front)

    @property
    def sight(self) -> tuple[float, float]:
        """The first and the last step in sight."""
        states = self.states
        if not states:
            return 0.0, 1.0
        return visible_span(states, min(self.front, len(states) - 1), self.view)
