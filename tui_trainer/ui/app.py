"""The viewer application: it opens a session, polls it on a timer and shows its runs.

The order of a start, for a session that has yet to be opened:

    1. the splash screen is drawn
    2. open_session() validates, connects or launches, in a thread
    3. the dashboard is imported and pushed; or the app closes with the error
    4. tick() polls the session ten times a second and draws what changed
"""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui_trainer.errors import UserError
from tui_trainer.session.spare.spare_host import SPARE
from tui_trainer.text import visible
from tui_trainer.ui import themes
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.attention.teller import Teller
from tui_trainer.ui.background_call import BackgroundCall
from tui_trainer.ui.color_depth import color_depth
from tui_trainer.ui.crash_log import one_line, record
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.preferences.preferences import Preferences
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.preferences.theme_choice import start_theme
from tui_trainer.ui.redraw_budget import RedrawBudget
from tui_trainer.ui.settings import Settings
from tui_trainer.ui.terminal.ascii_filter import AsciiFilter
from tui_trainer.ui.terminal.driver import TerminalGone
from tui_trainer.ui.terminal.one_shot import call_after
from tui_trainer.ui.terminal.terminal_app import TerminalApp

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.session.catalog import Catalog
    from tui_trainer.ui.dashboard.screen import Dashboard
    from tui_trainer.ui.lecture.tour import LecturePlan, Tour
    from tui_trainer.ui.screens.finder import Finder
    from tui_trainer.ui.screens.settings_form import SettingsScreen
    from tui_trainer.ui.screens.theme_picker import ThemePicker

TICK = 0.1
"""Seconds between two polls of the session."""
FAST_TICK = 0.015
"""The same while the user waits for the answer to a command."""
OPENING_TICK = 0.005
"""Seconds between two checks whether the first frame is out or the session is open."""
FIRST_FRAME_TIMEOUT = 0.5
"""Seconds to wait for the terminal to take the first frame before the session is opened all the same."""
FAST_START = 1.0
"""Seconds after the start of a run in which its first steps are looked for as often: a spare host trains by then."""
SPARE_DELAY = 1.0
"""Seconds after the start of a screen or a run after which the host of the next training is prepared."""
IMPORT_DELAY = 0.3
"""Seconds after which the home screen has been drawn and the dashboard is imported in advance."""


class TrainerApp(TerminalApp[AppResult]):
    """Shows one session, the home screen or the lecture.

    Args:
        session: the session to show, or a function that opens it: see `run_app`.
        catalogue: presets and runs for the home screen; with a session too, leaving that one comes back here.
        programme: the lecture, shown in place of the home screen.
        settings: colours, limits and keys.
        read_only: send no commands.
        theme: auto, dark, light or ansi; None for the setting.
        max_fps: most redraws of the charts per second; None for the setting.
        environ: environment variables that describe the terminal.
        tty_fd: descriptor of the terminal.
        memory: what the screen remembers; None remembers nothing beyond this app.
        page: the page that is open beside the charts of the first session.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "interrupt", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]
    # Without colours, text fields stand between bars and the focus is bold.
    CSS = """
    TrainerApp.-plain TextEntry { border-left: ascii $foreground; border-right: ascii $foreground; padding: 0; }
    TrainerApp.-plain TextEntry:focus { text-style: bold; }
    TrainerApp.-plain Choice:focus { text-style: bold underline; }
    TrainerApp.-ascii Dialog > #frame { border: ascii $primary; }
    """
    TITLE = "tui-trainer"

    def __init__(
        self,
        session: Session | Callable[[], Session] | None = None,
        *,
        catalogue: Catalog | None = None,
        programme: LecturePlan | None = None,
        settings: Settings | None = None,
        read_only: bool = False,
        theme: str | None = None,
        max_fps: float | None = None,
        environ: Mapping[str, str] | None = None,
        tty_fd: int = 2,
        memory: ScreenMemory | None = None,
        page: str = "",
    ) -> None:
        self._environ = environ = os.environ if environ is None else environ
        self.settings = settings or Settings()
        self.preferences = Preferences(self.settings, memory or ScreenMemory(None), color_depth(environ))
        depth = self.preferences.depth
        selected = themes.choose(theme or self.settings.theme, environ)
        # In a terminal with more colours each theme decides by itself: the theme picker may change it.
        super().__init__(tty_fd=tty_fd, ansi_color=True if depth in ("none", "16") else None)
        self.limit_colors(depth)
        for known in themes.THEMES:
            self.register_theme(known)
        chosen = "" if theme else self.preferences.memory.theme(self.settings.theme)
        selected = start_theme(chosen, selected, self.available_themes, depth)
        self.theme = selected.name
        self.set_class(selected.ansi, "-plain")
        self.set_class(self.settings.ascii, "-ascii")
        if self.settings.ascii:
            self._filters.append(AsciiFilter())
        self._session = session
        self._open_session = session if callable(session) else None
        """The function that opens the session, until it is called."""
        self._opening: BackgroundCall[Session] | None = None
        """The running call of that function."""
        self._interrupted = False
        """Whether ctrl+c was pressed while the session was being opened."""
        self._catalogue = catalogue
        self._programme = programme
        self._page = page
        self._read_only = read_only
        remote = "SSH_CONNECTION" in environ or "SSH_TTY" in environ
        self._max_fps = max_fps or (self.settings.remote_fps if remote else self.settings.max_fps)
        self._icons = PLAIN if self.settings.ascii else FANCY
        self._teller = Teller(self.settings, environ, self.set_title, self.send_sequence, monotonic())
        self._spare_due = float("inf")
        self._fast_until = 0.0
        self._fast_tick_due = False
        self._finder: Finder[Any] | None = None
        """The screen that sessions are opened from, where there is one."""
        self._last_dashboard: Dashboard | None = None
        """The dashboard that was opened last."""
        self.errors: list[str] = []
        """The last display errors, which did not end the session."""

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the variables that Textual's own themes lack."""
        return {"muted": themes.muted(self.current_theme)}

    def watch_theme(self) -> None:
        """Mark selections by signs where a theme has no colours for them."""
        self.set_class(self.current_theme.ansi, "-plain")

    def get_default_screen(self) -> Screen[None]:
        """Return the contents of the lecture, the home screen, the splash screen or the dashboard."""
        if self._programme is not None:
            from tui_trainer.ui.screens.contents import Contents

            self._finder = Contents(self._programme, self._icons)
            return self._finder
        if self._catalogue is not None:
            from tui_trainer.ui.screens.home import Home

            self._finder = Home(self._catalogue, self._icons, self.preferences.memory)
            return self._finder
        if self._session is None:
            raise ValueError("TrainerApp needs a session, a catalogue or a programme")
        if callable(self._session):
            from tui_trainer.ui.screens.splash import Splash

            self._key_queue.hold()
            return Splash("opening ...")
        return self._dashboard(self._session)

    def _dashboard(self, session: Session, tour: Tour | None = None) -> Dashboard:
        # Imports all charts: the home screen and the splash screen are drawn before.
        from tui_trainer.ui.dashboard.screen import Dashboard

        budget = RedrawBudget(self._max_fps, max_kbps=self.settings.max_kbps, sent=lambda: self.bytes_sent)
        self._last_dashboard = Dashboard(
            session,
            redraw_budget=budget,
            keymap=self.settings.keys,
            read_only=self._read_only,
            icons=self._icons,
            tour=tour,
            reading=(self.settings.words_per_minute, self.settings.rest),
            preferences=self.preferences,
            page=self._page,
        )
        self._page = ""
        return self._last_dashboard

    def post_display_hook(self) -> None:
        """Open the session once the first frame has been written."""
        if self._open_session is not None and self.drawn:
            open_session, self._open_session = self._open_session, None
            self._open_when_shown(open_session, monotonic() + FIRST_FRAME_TIMEOUT)

    def _open_when_shown(self, open_session: Callable[[], Session], latest: float) -> None:
        """Wait until the terminal has taken the first frame: its writer thread would have to wait for the imports."""
        if self.drained or monotonic() > latest:
            self._opening = BackgroundCall(open_session)
            self._check_opening(self._opening)
        else:
            call_after(self, OPENING_TICK, lambda: self._open_when_shown(open_session, latest))

    def _check_opening(self, opening: BackgroundCall[Session]) -> None:
        """Push the dashboard once the session is open, or close the app with the error."""
        if not opening.done:
            call_after(self, OPENING_TICK, lambda: self._check_opening(opening))
            return
        self._opening = None
        try:
            session = opening.result()
        except UserError as error:
            self.exit(AppResult(error.exit_code, refused=error))
            return
        dashboard = self._dashboard(session)
        self.push_screen(dashboard)
        dashboard.call_after_refresh(self.poll_soon)  # what was read meanwhile is drawn at once
        self._key_queue.release_when(lambda: bool(dashboard.view_state.states))
        if self._interrupted:
            self.call_later(dashboard.interrupt)

    def on_mount(self) -> None:
        """Start the timer."""
        if self._catalogue is not None and self._session is not None and not callable(self._session):
            self.push_screen(self._dashboard(self._session))
        self._spare_due = monotonic() + SPARE_DELAY
        self.set_interval(TICK, self.tick)
        if self._finder is not None:
            call_after(self, IMPORT_DELAY, _import_dashboard)

    def tick(self) -> None:
        """Poll the session and draw. An error is shown and logged, and the next tick tries again."""
        try:
            self.send_pending_frame()
            now = monotonic()
            self.preferences.memory.tick(now)
            for screen in self.screen_stack:
                if (
                    self._last_dashboard is not None
                    and screen is self._last_dashboard
                    and self._last_dashboard.composed
                ):
                    self._last_dashboard.tick(now, self.drained)
                    if self._last_dashboard.view_state.store.loaded < 1:
                        self.poll_soon()
                    if problem := self.preferences.memory.problem():
                        self._last_dashboard.flash(problem, error=True, seconds=10)
                elif self._finder is not None and screen is self._finder and self._finder.composed:
                    self._finder.tick(now)
            if self.drawn and self.drained:
                dashboard = self.dashboard
                self._teller.tick(now, dashboard.view_state if dashboard is not None else None, self._icons)
                store = dashboard.view_state.store if dashboard is not None else None
                over = store is not None and store.over and any(store.ended_folders)  # a log has none to train again
                if now >= self._spare_due and (over or self._finder is not None):
                    SPARE.prepare()
        except Exception as error:  # noqa: BLE001 - a drawing error must not end the session
            self.report_error(error)

    def poll_soon(self) -> None:
        """Poll more often until the pending commands are answered, and what is being read has been read."""
        if not self._fast_tick_due:
            self._fast_tick_due = True
            call_after(self, FAST_TICK, self._fast_tick)

    def _fast_tick(self) -> None:
        self._fast_tick_due = False
        self.tick()
        dashboard = self.dashboard
        if dashboard is None:
            return
        if dashboard.awaits_answer or (dashboard.view_state.starting and monotonic() < self._fast_until):
            self.poll_soon()

    def report_error(self, error: Exception) -> None:
        """Log a display error and show it in one line."""
        path = record(error) if len(self.errors) < 3 else "see the log"
        self.errors = [*self.errors[-9:], f"{one_line(error)} ({path})"]
        dashboard = self.dashboard
        if dashboard is not None and dashboard.composed:
            dashboard.flash(f"display error: {self.errors[-1]}", error=True, seconds=20)

    @property
    def dashboard(self) -> Dashboard | None:
        """The dashboard, where one is open."""
        return self._last_dashboard if self._last_dashboard in self.screen_stack else None

    @property
    def finder(self) -> Finder[Any] | None:
        """The screen that sessions are opened from, where there is one."""
        return self._finder

    def on_dashboard_command_sent(self) -> None:
        """Look for the answer to a command more often than usual."""
        self.poll_soon()

    def on_dashboard_repaint_requested(self) -> None:
        """Send every cell to the terminal again."""
        self.repaint()

    def on_dashboard_action_failed(self, event: Dashboard.ActionFailed) -> None:
        """Report the error of an action."""
        self.report_error(event.error)

    def on_theme_picker_chosen(self, event: ThemePicker.Chosen) -> None:
        """Keep the theme for the next start."""
        self.preferences.memory.remember_theme(event.theme, self.settings.theme)

    def on_settings_screen_saved(self, event: SettingsScreen.Saved) -> None:
        """Use the settings that were saved; a theme of the settings replaces one that was chosen before."""
        self.settings = self.preferences.settings = self._teller.settings = event.settings
        if "theme" in event.changed:
            self.preferences.memory.remember_theme("", "")
            self.theme = themes.choose(event.settings.theme, self._environ).name

    def on_finder_opened(self, event: Finder.Opened) -> None:
        """Show the session that was opened."""
        self._spare_due = monotonic() + SPARE_DELAY
        self._fast_until = monotonic() + FAST_START
        self.poll_soon()
        self.push_screen(self._dashboard(event.session, event.tour))

    def on_finder_closed(self) -> None:
        """Close the app."""
        self.exit(AppResult(0))

    def on_dashboard_left(self, event: Dashboard.Left) -> None:
        """Return to the screen that the session was opened from, or close the app."""
        finder = self._finder
        if finder is None:
            self.exit(event.result)
            return
        while self.screen is not finder:
            self.pop_screen()
        if event.result.message and not (finder.tour is not None and finder.tour.turn):
            first, *others = event.result.message.splitlines()
            self.notify(visible(first) + (f"; and {len(others)} more" if others else ""))
        finder.session_left()

    async def on_event(self, event: events.Event) -> None:
        """Handle an event; a key or a click says that the user is here."""
        if isinstance(event, (events.Key, events.MouseDown)):
            self._teller.used(monotonic())
        await super().on_event(event)

    def on_app_focus(self) -> None:
        """Note that the window has the focus."""
        self._teller.focus(True)

    def on_app_blur(self) -> None:
        """Note that the user looks elsewhere."""
        self._teller.focus(False)

    def on_terminal_gone(self, event: TerminalGone) -> None:
        """Close the app; the runs continue."""
        self.leave_at_once(128 + signal.SIGHUP, "the terminal is gone")

    def action_interrupt(self) -> None:
        """Handle ctrl+c: the first press asks, the second leaves.

        While the session is being opened, the first press asks once it is open: a host may have been launched already.
        """
        dashboard = self.dashboard
        if dashboard is not None:
            dashboard.interrupt()
        elif self._opening is not None and not self._interrupted:
            self._interrupted = True
        else:
            self.exit(AppResult(0))

    def leave_at_once(self, exit_code: int, reason: str) -> None:
        """Close the session and the app; the runs continue."""
        dashboard = self.dashboard
        message = reason
        if dashboard is not None:
            message = f"{reason}\n{dashboard.result().message}".strip()
            dashboard.close_session()
        self.exit(AppResult(exit_code, message))


def _import_dashboard() -> None:
    """Import the dashboard, and in a thread what its first chart needs."""
    importlib.import_module("tui_trainer.ui.dashboard.screen")
    from tui_trainer.ui.render.plot import load_plotext

    BackgroundCall(load_plotext)
