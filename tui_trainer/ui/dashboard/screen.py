"""The dashboard screen: it draws the runs of one session and turns keys into commands."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.screen import ModalScreen, Screen

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.session.base import Session
from tui_trainer.state.run_state import LogLine, RunState
from tui_trainer.text import visible
from tui_trainer.ui.actions import ACTIONS, BY_ID, Keymap, keys_of
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.availability import disabled_reason
from tui_trainer.ui.cards.recent_runs import RecentRuns
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.charts.registry import ChartData, ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard.actions.action_table import ActionOptions, ActionTable, bindings_of
from tui_trainer.ui.dashboard.board import Board
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.dashboard.header import Header
from tui_trainer.ui.dashboard.layout import arrange
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import FANCY, Icons
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.panels.log_pane import LogPane
from tui_trainer.ui.preferences.preferences import Preferences
from tui_trainer.ui.preferences.view_memory import ViewMemory
from tui_trainer.ui.redraw_budget import RedrawBudget
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.run_store import RunStore, Update
from tui_trainer.ui.settings import WORDS_PER_MINUTE, Settings

Answer = TypeVar("Answer")
MIN_REDRAW_INTERVAL = 0.06
"""Seconds between two redraws that keys ask for: those of a key that is held down would queue up otherwise."""
PATIENCE = 2.0
"""Seconds after a command during which the app polls more often for its answer."""
UNDOABLE = 30.0
"""Seconds for which the answer to an intervention stays, with the key that undoes it."""


class Dashboard(Screen[None], inherit_bindings=False):
    """Shows the runs of one session. Implements `DashboardContext` for its actions.

    Keys that steer change nothing here: a command goes out, and the screen follows the event that answers it.
    """

    DEFAULT_CSS = """
    Dashboard { layout: vertical; overflow: hidden; background: $background; }
    """

    class Left(Message):
        """The user has left this session."""

        def __init__(self, result: AppResult) -> None:
            super().__init__()
            self.result = result

    class CommandSent(Message):
        """A command went out: poll the session more often until it is answered."""

    class RepaintRequested(Message):
        """The user wants every cell sent to the terminal again."""

    class ActionFailed(Message):
        """An action raised an error that it should not have."""

        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error

    def __init__(
        self,
        session: Session,
        *,
        redraw_budget: RedrawBudget,
        keymap: Keymap,
        read_only: bool = False,
        icons: Icons = FANCY,
        tour: Tour | None = None,
        reading: tuple[float, float] = (WORDS_PER_MINUTE, 0.0),
        preferences: Preferences | None = None,
        page: str = "",
    ) -> None:
        """Create the screen of a session.

        Args:
            session: the runs to show.
            redraw_budget: decides when the charts may be drawn.
            keymap: the user's keys.
            read_only: send no commands.
            icons: the symbols to draw with.
            tour: the way through the lecture that this screen was opened from.
            reading: the user's reading speed in words a minute, and seconds between two lessons in autoplay.
            preferences: the user's settings, and what the screen remembers; None for the defaults.
            page: the page that is open beside the charts at first; one that does not exist opens none.
        """
        super().__init__()
        words_per_minute, rest = reading
        preferences = preferences or Preferences()
        narrator, settings = Narrator(words_per_minute), preferences.settings
        store = RunStore(session, settings.name, settings.actor)
        self.view_state = ViewState(store, read_only, settings.projector, narrator=narrator, lecture=tour is not None)
        self.icons = icons
        self._view_memory = ViewMemory(self.view_state, preferences.memory, page)
        self.recent = RecentRuns()
        self._redraw_budget = redraw_budget
        self._keymap = keymap
        self._bindings = bindings_of(keymap)
        self._footer: Footer | None = None
        self._layout_key: tuple[object, ...] = ()
        """The view state's layout key at the last layout."""
        self._drawn_at = 0.0
        self._redraw_requested = False
        """Whether the next tick draws whatever the redraw budget says."""
        self._stale = True
        """Whether the runs have changed since the last drawing."""
        options = ActionOptions(
            keymap,
            tour,
            rest,
            preferences,
            self.recent,
            scroll=lambda pages: self.query_one(Board).scroll_by_pages(pages),
            repaint=lambda: self._notify_app(self.RepaintRequested()),
        )
        self._actions = ActionTable(self, options)

    @property
    def known_actions(self) -> set[str]:
        """The ids of the actions that have a handler."""
        return set(self._actions.handlers)

    def compose(self) -> ComposeResult:
        """Yield the header, the board and the footer."""
        yield Header()
        glyphs = "ascii" if self.icons.ascii else "block" if self.view_state.projector else "braille"
        yield Board(self.view_state, self.icons, self._keymap, glyphs, self.recent)
        yield Footer()

    def on_mount(self) -> None:
        """Draw the first frame."""
        self._footer = self.query_one(Footer)
        self.relayout()

    def on_resize(self) -> None:
        """Lay out for the new size."""
        if self.composed:
            self.relayout()

    @property
    def composed(self) -> bool:
        """Whether the widgets are mounted: false before the first frame and while the screen is removed."""
        return self._footer is not None and self._footer.is_attached

    @property
    def awaits_answer(self) -> bool:
        """Whether the user waits for the answer to a command, or for the redraw after it."""
        pending = self.view_state.store.pending.values()
        return self._redraw_requested or any(monotonic() - sent.since < PATIENCE for sent in pending)

    def tick(self, now: float, drained: bool = True) -> None:
        """Poll the session and draw when that is due.

        Args:
            now: monotonic time in seconds.
            drained: whether the terminal has taken all that was sent; nothing is drawn until it has.
        """
        update = self.view_state.store.poll()
        self._handle(update)
        self._stale |= update.changed
        self._redraw_requested |= self._actions.lessons.tick(now) | self._view_memory.tick(now)
        self._redraw_requested |= any([self.recent.poll(), self.view_state.poll()])
        if not drained:
            self._redraw_budget.postpone(now)
        elif self.view_state.layout_key != self._layout_key:
            self.relayout()
        elif update.answers:
            # Show the answer at once, and what the command changed in the frame after.
            self._redraw_requested = True
            self._draw_header()
            self._draw_footer()
        elif update.urgent or self._redraw_requested or (self._stale and self._redraw_budget.due(now)):
            self.redraw()
        else:
            if self.view_state.starting:
                self.query_one(Board).draw_starting()
            self._draw_footer()
            if self._actions.host.header_due(now):
                self._draw_header()
        self._actions.quit.check()
        self._actions.reruns.tick(now)
        self._actions.sets.drop_gone_baseline()

    def _handle(self, update: Update) -> None:
        store = self.view_state.store
        for answer in update.answers:
            if answer.refused:
                self.flash(f"refused: {answer.text}", error=True)
            else:
                text = answer.text.replace(f" by {store.sender}", "")
                self.flash(text, seconds=UNDOABLE if answer.undoable else 5.0, action="undo" if answer.undoable else "")
        for notice in update.notices:
            if notice.fatal and store.over:
                continue  # a host exits once its runs are over
            self._actions.host.report(notice)
        if update.ended:
            self.view_state.summary = True

    @property
    def selected_run(self) -> RunState:
        """The selected run; an empty one before anything is known."""
        return self.view_state.selected_run or RunState.blank()

    @property
    def palette(self) -> Palette:
        """The colours of the curves."""
        return self.query_one(Board).palette

    @property
    def keymap(self) -> Keymap:
        """The user's keys."""
        return self._keymap

    @property
    def settings(self) -> Settings:
        """The settings of the screen."""
        return getattr(self.app, "settings", None) or Settings()

    def perform(self, name: str, value: str = "") -> None:
        """Perform an action of the table, or show why it is unavailable; its form opens with `value`."""
        if self._actions.lessons.stop_autoplay(name) and name == "play":
            return
        if name == "pause" and self._actions.lessons.go_on():
            return
        reason = disabled_reason(BY_ID[name], self.view_state.action_context)
        if reason is not None:
            self.flash(reason, error=True)
        elif value and name in self._actions.forms:
            self._guarded(lambda: self._actions.forms[name](value))
        else:
            self._guarded(self._actions.handlers[name])

    def reveal(self, line: LogLine) -> None:
        """Scroll the events to one of them."""
        self.query_one(LogPane).reveal(line)

    @property
    def chart_width(self) -> int:
        """Columns of the plot area of a visible chart."""
        return self.query_one(Board).chart_width

    def send(self, command: AnyCommand, description: str, run: str | None = None) -> None:
        """Send a command; the footer shows `description` until the answer comes."""
        self.view_state.store.send(command, self.view_state.target if run is None else run, description)
        self._draw_footer()
        self._notify_app(self.CommandSent())

    def ask(
        self,
        dialog: ModalScreen[Answer | None],
        accepted: Callable[[Answer], None],
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        """Push a dialog; call `accepted` with its answer, or `cancelled` where it is None."""

        def answered(answer: Answer | None) -> None:
            self._guarded(cancelled if answer is None else lambda: accepted(answer))

        self.app.push_screen(dialog, answered)

    def flash(self, text: str, *, error: bool = False, seconds: float = 5.0, action: str = "") -> None:
        """Show a message above the keys for some seconds, with the key of an action beside it."""
        self.query_one(Footer).flash(visible(text), error=error, until=monotonic() + seconds, action=action)
        self._draw_footer()

    def request_redraw(self) -> None:
        """Draw at once, or with the next tick where a key is held down."""
        if monotonic() - self._drawn_at >= MIN_REDRAW_INTERVAL:
            self.redraw()
        else:
            self._redraw_requested = True

    def redraw(self) -> None:
        """Draw now."""
        if not self.composed:
            return
        self._drawn_at = monotonic()
        self._redraw_requested = False
        self._redraw_budget.begin(self._drawn_at)
        self._stale = False
        self.view_state.mark_stretches()
        self.query_one(Board).draw(self._actions.lessons.hints(self._keymap), self._message())
        self._draw_header()
        self._draw_footer(always=True)
        self.view_state.load_zoom()

    def relayout(self) -> None:
        """Lay the widgets out for the size and the view state, and draw."""
        self._layout_key = self.view_state.layout_key
        arrangement = arrange(*self.size, self.view_state.contents)
        self.query_one(Header).display = arrangement.header > 0
        self.query_one(Footer).place(arrangement.footer)
        self.query_one(Board).apply_layout(arrangement)
        # The widgets have their new sizes after the next layout.
        self.call_after_refresh(self.redraw)

    def _message(self) -> Content | None:
        """Return the message where the footer has no line for it, None without one."""
        footer, state = self.query_one(Footer), self.view_state
        if footer.has_message_line:
            return None
        return footer.message_line(state.action_context, self._keymap, state.store.pending, self.size.width - 2)

    def learning_rate_chart(self, plan: LrPlan | None, width: int, height: int) -> ChartData:
        """Return the chart of the learning rate, with `plan` drawn over the one in force."""
        state = self.view_state
        view, front = View(axis=state.view.axis, log=state.view.log), state.selected_index
        return chart_data(ChartKind.RATE, state.states, front, view, width, height, preview=plan)

    def leave(self, result: AppResult) -> None:
        """Close the session and the screen."""
        self.close_session()
        self.post_message(self.Left(result))

    def _draw_header(self) -> None:
        self.query_one(Header).draw(self.view_state, self.icons, self._keymap)

    def _draw_footer(self, *, always: bool = False) -> None:
        footer, pending = self.query_one(Footer), self.view_state.store.pending
        if always or footer.has_message or pending:
            footer.draw(self.view_state, self._keymap, pending)
            if not (always or footer.has_message_line):
                self.query_one(Board).draw_message(self._message())

    def _notify_app(self, message: Message) -> None:
        # Posted to the app itself: a message that bubbles up would be lost where this screen has just been removed.
        self.app.post_message(message)

    def interrupt(self) -> None:
        """Handle ctrl+c: ask whether to stop; the second time, leave."""
        self._actions.quit.interrupt()

    def result(self) -> AppResult:
        """Return the exit code and the closing message for the present state of the runs."""
        return self._actions.quit.result()

    def close_session(self) -> None:
        """Disconnect from the session; its runs continue, also those that waited for a reader."""
        self._actions.lessons.release()
        self.view_state.store.close()

    def action_perform(self, name: str) -> None:
        """Perform the action of a key."""
        self.perform(name)

    def on_key(self, event: Key) -> None:
        """Stop autoplay on a key that is bound to no action."""
        if not any(event.key in keys_of(action, self._keymap) for action in ACTIONS):
            self._actions.lessons.stop_autoplay()

    def _guarded(self, handler: Callable[[], None]) -> None:
        """Call a handler; an error that it raises is shown and logged, and the screen stays."""
        try:
            handler()
        except Exception as error:  # noqa: BLE001 - one failing action must not end the session
            self._notify_app(self.ActionFailed(error))

    @on(Footer.Pressed)
    def _hint_clicked(self, event: Footer.Pressed) -> None:
        event.stop()
        self.action_perform(event.action)

    @on(Chart.CursorAt)
    def _chart_clicked(self, event: Chart.CursorAt) -> None:
        event.stop()
        self._actions.lessons.stop_autoplay()
        self._actions.views.cursor_at(event.step)

    @on(Chart.Zoomed)
    @on(Chart.Panned)
    def _span_chosen(self, event: Chart.Zoomed | Chart.Panned) -> None:
        event.stop()
        self._actions.lessons.stop_autoplay()
        self._actions.views.set_span(event.span)
