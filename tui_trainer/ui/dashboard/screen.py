"""The screen on which a training is watched and steered."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Key
from textual.message import Message
from textual.screen import ModalScreen, Screen

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.actions import ACTIONS, BY_ID, Keymap, keys_of
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.availability import disabled_reason
from tui_trainer.ui.charts.registry import ChartData, ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard.board import Board
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.dashboard.header import Header
from tui_trainer.ui.dashboard.layout import arrange
from tui_trainer.ui.dashboard.lesson_actions import LessonActions
from tui_trainer.ui.dashboard.quit_actions import QuitActions
from tui_trainer.ui.dashboard.rerun_actions import RerunActions
from tui_trainer.ui.dashboard.training_actions import TrainingActions
from tui_trainer.ui.dashboard.view_actions import ViewActions
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import FANCY, Icons
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.panels.log_pane import LogPane
from tui_trainer.ui.redraw_budget import RedrawBudget
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.run_store import RunStore, Update
from tui_trainer.ui.settings import WORDS_PER_MINUTE

if TYPE_CHECKING:
    from tui_trainer.ui.screens.run_table import RunTable

Given = TypeVar("Given")
BETWEEN = 0.06
"""Seconds between two drawings that keys ask for; those of a key that is held down would otherwise queue up."""

PATIENCE = 2.0
"""Seconds for which an answer is looked for more often than usual."""


class Dashboard(Screen[None], inherit_bindings=False):
    """Draws the runs of one session and turns keys into commands.

    No key that steers changes anything here: the command goes out, and the screen follows the event that answers it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), f"perform('{action.id}')", action.label, show=False, id=action.id)
        for action in ACTIONS
    ]

    DEFAULT_CSS = """
    Dashboard { layout: vertical; overflow: hidden; background: $background; }
    Dashboard #main { height: 1fr; }
    """

    class Left(Message):
        """The person has left this session."""

        def __init__(self, result: AppResult) -> None:
            super().__init__()
            self.result = result

    def __init__(
        self,
        session: Session,
        *,
        pace: RedrawBudget,
        keymap: Keymap,
        read_only: bool = False,
        signs: Icons = FANCY,
        tour: Tour | None = None,
        reading: tuple[float, float] = (WORDS_PER_MINUTE, 0.0),
    ) -> None:
        """The screen of a session.

        `tour` leads through the lecture that it was opened from; `reading` is how fast a person reads, in words a
        minute, and how many seconds a lesson that plays by itself rests at its end.
        """
        super().__init__()
        words_per_minute, rest = reading
        narrator = Narrator(words_per_minute)
        self.watching = ViewState(RunStore(session), read_only, narrator=narrator, lecture=tour is not None)
        self.guide = LessonActions(self, self.watching, tour, rest)
        self.leaving = QuitActions(self, self.watching)
        self._looker = ViewActions(self, self.watching)
        self._anew = RerunActions(self, self.watching)
        self._pace = pace
        self._keymap = keymap
        self._signs = signs
        self._footer: Footer | None = None
        self._shape: tuple[object, ...] = ()
        """What the cells were last shared out for."""
        self._drawn_at = 0.0
        self._hurried = False
        """Whether a person waits for what the next tick will draw."""
        self._stale = True
        """Whether something changed that is not on the screen yet."""
        self._doings: dict[str, Callable[[], None]] = {
            **TrainingActions(self).doings(),
            **self._looker.doings(),
            **self.guide.doings(),
            **self.leaving.doings(),
            **self._anew.doings(),
            "resume_run": self._resume_run,
            "palette": self._find,
            "help": self._help,
            "redraw": self.redraw_terminal,
            "log_up": lambda: self.query_one(LogPane).scroll_page_up(animate=False),
            "log_down": lambda: self.query_one(LogPane).scroll_page_down(animate=False),
        }

    @property
    def known_actions(self) -> set[str]:
        """The ids of the actions that something is done for."""
        return set(self._doings)

    def compose(self) -> ComposeResult:
        """A line on top, the board, the keys at the bottom."""
        yield Header()
        yield Board(self.watching, self._signs, self._keymap)
        yield Footer()

    def on_mount(self) -> None:
        """Something is to be seen from the first frame on."""
        self._footer = self.query_one(Footer)
        self.rearrange()

    def on_resize(self) -> None:
        """Share out the cells anew."""
        if self.composed:
            self.rearrange()

    @property
    def composed(self) -> bool:
        """Whether there are widgets to draw on: neither before the first frame nor while the screen is taken down."""
        return self._footer is not None and self._footer.is_attached

    @property
    def waited_for(self) -> bool:
        """Whether a person waits: for an answer, or to see what it changed."""
        return self._hurried or any(monotonic() - sent.since < PATIENCE for sent in self.watching.feed.pending.values())

    # What comes from the session.

    def tick(self, now: float, drained: bool = True) -> None:
        """Fold what has come, and draw when it is time to and the terminal has taken what it was sent."""
        news = self.watching.feed.take()
        self._hear(news)
        self._stale |= news.changed
        self._hurried |= self.guide.tick(now)
        self._hurried |= self.watching.closeups.arrived()
        if not drained:
            self._pace.held_up(now)
        elif self.watching.shape != self._shape:
            self.rearrange()
        elif news.answers:
            # What was asked is done: say so at once, and draw what it changed in the frame after.
            self._hurried = True
            self.query_one(Header).say(self.watching, self._signs, self._keymap)
            self._draw_footer()
        elif news.urgent or self._hurried or (self._stale and self._pace.due(now)):
            self.looked()
        else:
            if self.watching.starting:
                self.query_one(Board).draw_starting()
            self._draw_footer()
        self.leaving.check()
        self._anew.tick(now)

    def _hear(self, news: Update) -> None:
        for answer in news.answers:
            if answer.refused:
                self.say(f"refused: {answer.words}", wrong=True)
            else:
                self.say(answer.words.replace(f" ({self.watching.feed.by})", ""))
        for notice in news.notices:
            if notice.fatal and self.watching.feed.over:
                continue  # its work is done: that the host is gone is as it should be
            resumable = (
                "; R resumes it" if disabled_reason(BY_ID["resume_run"], self.watching.situation) is None else ""
            )
            lasting = notice.fatal or bool(resumable)
            self.say(visible(notice.text) + resumable, wrong=lasting, seconds=3600 if lasting else 8)
        if news.ended:
            self.watching.summary = True

    # What goes out.

    def send(self, command: AnyCommand, words: str, run: str | None = None) -> None:
        """Ask the host for something; until the answer comes, the screen says that it was asked."""
        self.watching.feed.send(command, self.watching.target if run is None else run, words)
        self._draw_footer()
        hasten = getattr(self.app, "hasten", None)
        if hasten is not None:
            hasten()

    def ask(
        self,
        dialog: ModalScreen[Given | None],
        accepted: Callable[[Given], None],
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        """Open a dialog, and go on with its answer."""

        def answered(answer: Given | None) -> None:
            self._guarded(cancelled if answer is None else lambda: accepted(answer))

        self.app.push_screen(dialog, answered)

    def leave(self, result: AppResult) -> None:
        """This session is no longer looked at."""
        self.watching.feed.close()
        self.post_message(self.Left(result))

    # What is seen.

    @property
    def chosen(self) -> RunState:
        """The run in front; an empty one before anything is known."""
        return self.watching.chosen or RunState()

    def say(self, text: str, *, wrong: bool = False, seconds: float = 5.0) -> None:
        """Show a line for a while in place of the keys."""
        self.query_one(Footer).say(visible(text), wrong=wrong, until=monotonic() + seconds)
        self._draw_footer()

    def look_changed(self) -> None:
        """A person changed how they look: draw at once, or with the next tick where a key is held down."""
        if monotonic() - self._drawn_at >= BETWEEN:
            self.looked()
        else:
            self._hurried = True

    def looked(self) -> None:
        """Draw now."""
        if not self.composed:
            return
        self._drawn_at = monotonic()
        self._hurried = False
        self._pace.begin(self._drawn_at)
        self._stale = False
        self.query_one(Board).draw(self.guide.hints(self._keymap))
        self.query_one(Header).say(self.watching, self._signs, self._keymap)
        self.query_one(Footer).draw(self.watching.situation, self._keymap, self.watching.feed.pending)
        self.watching.look_closer()

    def _draw_footer(self) -> None:
        footer = self.query_one(Footer)
        if footer.changes or self.watching.feed.pending:
            footer.draw(self.watching.situation, self._keymap, self.watching.feed.pending)

    def rearrange(self) -> None:
        """Share out the cells for the size and for what is open, and draw."""
        width, height = self.size
        watch = self.watching
        self._shape = watch.shape
        whole = watch.whole is not None or watch.layers or watch.diagnosis
        arrangement = arrange(
            width, height, len(watch.panes), whole, pictures=bool(watch.shots), told=watch.lesson is not None
        )
        self.query_one(Header).display = arrangement.header
        self.query_one(Footer).display = arrangement.footer
        self.query_one(Board).share_out(arrangement)
        # The widgets have their new sizes after the next layout.
        self.call_after_refresh(self.looked)

    def draw_rate(self, plan: LrPlan | None, width: int, height: int) -> ChartData:
        """The rate of the runs with a plan beside it, for the dialogs."""
        watch = self.watching
        view = View(axis=watch.view.axis, log_y=watch.view.log_y)
        return chart_data(ChartKind.RATE, watch.states, watch.front, view, width, height, preview=plan)

    def side_by_side(self) -> RunTable:
        """The table of the runs, each in the colour of its curves."""
        from tui_trainer.ui.screens.run_table import RunTable

        watch = self.watching
        return RunTable(watch.states, watch.front, self._signs, self.query_one(Board).palette())

    def chart_width(self) -> int:
        """Columns of the plot of the charts in sight."""
        return self.query_one(Board).chart_width()

    def redraw_terminal(self) -> None:
        """Send every cell again."""
        repaint = getattr(self.app, "repaint", None)
        if repaint is not None:
            repaint()

    # What a person does.

    def action_perform(self, name: str) -> None:
        """Do an action of the table, or say why it cannot be done now."""
        if self.guide.take_over(name) and name == "play":
            return
        reason = disabled_reason(BY_ID[name], self.watching.situation)
        if reason is not None:
            self.say(reason, wrong=True)
        else:
            self._guarded(self._doings[name])

    def on_key(self, event: Key) -> None:
        """A key that does nothing else still takes over from a lecture that plays by itself."""
        if not any(event.key in keys_of(action, self._keymap) for action in ACTIONS):
            self.guide.take_over()

    def _guarded(self, deed: Callable[[], None]) -> None:
        """Do something; what goes wrong is said, and the screen stays."""
        try:
            deed()
        except Exception as error:
            stumbled = getattr(self.app, "stumbled", None)
            if stumbled is None:
                raise
            stumbled(error)

    def _resume_run(self) -> None:
        """Have a new host go on with runs whose own vanished, and watch that one."""
        from tui_trainer.session.resume import resume_session

        feed = self.watching.feed
        try:
            session = resume_session(feed.resumable, feed.left_over)
        except UserError as error:
            self.say(str(error), wrong=True)
            return
        if feed.session.kind == "finished":
            self.watching.read_only = False
        feed.adopt(session)
        self.say("going on from the last checkpoint")

    def _help(self) -> None:
        from tui_trainer.ui.screens.help import Help

        self.ask(Help(self.watching.situation, self._keymap), lambda _: None)

    def _find(self) -> None:
        from tui_trainer.ui.screens.command_palette import CommandPalette

        self.ask(CommandPalette(self.watching.situation, self._keymap), self.action_perform)

    @on(Chart.CursorAt)
    def _clicked(self, event: Chart.CursorAt) -> None:
        event.stop()
        self.guide.take_over()
        self._looker.cursor_at(event.step)

    @on(Chart.Zoomed)
    def _turned(self, event: Chart.Zoomed) -> None:
        event.stop()
        self.guide.take_over()
        self._looker.span(event.span)

    @on(Chart.Panned)
    def _dragged(self, event: Chart.Panned) -> None:
        event.stop()
        self.guide.take_over()
        self._looker.span(event.span)
