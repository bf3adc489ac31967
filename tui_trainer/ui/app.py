"""The viewer: one application that drains a session on a timer and shows what has come."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui import themes
from tui_trainer.ui.app_result import LOST, AppResult
from tui_trainer.ui.crash_log import in_words, record
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.redraw_budget import IN_PROCESS_SHARE, SHARE, RedrawBudget
from tui_trainer.ui.settings import Settings
from tui_trainer.ui.terminal.driver import TerminalGone
from tui_trainer.ui.terminal.signals import ending_signals
from tui_trainer.ui.terminal.terminal_app import TerminalApp
from tui_trainer.ui.terminal.tty import Rescue

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.session.catalog import Catalog
    from tui_trainer.ui.dashboard.screen import Dashboard
    from tui_trainer.ui.lecture.tour import LecturePlan, Tour
    from tui_trainer.ui.screens.finder import Finder

TICK = 0.1
"""Seconds between two looks at the session."""
SOON = 0.015
"""The same while a person waits for the answer to a command."""
UNSEEN = 0.5
"""Seconds that a terminal may take to show a first frame before a session is opened without it."""
SETTLED = 0.3
"""Seconds after which the home screen stands, and there is time to import what may be opened from it."""


class TrainerApp(TerminalApp[AppResult]):
    """Shows one session, or a home screen to start from.

    Args:
        session: what to watch, or what makes it: then a first frame is drawn before that is called.
        catalogue: presets and runs for the home screen; with a session too, leaving that one comes back here.
        programme: the lecture, to begin with in place of the home screen.
        settings: how the screen looks and which keys it listens to.
        read_only: look and do not steer.
        theme: auto, dark, light or ansi; the settings' own where None.
        max_fps: how often a second charts may be drawn; the settings' own where None.
        environ: what the terminal says of itself.
        tty_fd: the descriptor to draw on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "interrupt", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", show=False, priority=True),
    ]
    # Without colours, what can be typed in stands between bars and what is chosen is bold.
    CSS = """
    TrainerApp.-plain TextEntry { border-left: ascii $foreground; border-right: ascii $foreground; padding: 0; }
    TrainerApp.-plain TextEntry:focus { text-style: bold; }
    TrainerApp.-plain Choice:focus { text-style: bold underline; }
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
    ) -> None:
        environ = os.environ if environ is None else environ
        self.settings = settings or Settings()
        chosen = themes.choose(theme or self.settings.theme, environ)
        super().__init__(tty_fd=tty_fd, ansi_color=True if chosen.ansi else None)
        for known in themes.THEMES:
            self.register_theme(known)
        self.theme = chosen.name
        self.set_class(chosen in (themes.PLAIN_DARK, themes.PLAIN_LIGHT), "-plain")
        self.set_keymap(self.settings.keys)
        self._session = session
        self._unopened = session if callable(session) else None
        """What makes the session, until the first frame has been sent."""
        self._catalogue = catalogue
        self._programme = programme
        self._read_only = read_only
        remote = "SSH_CONNECTION" in environ or "SSH_TTY" in environ
        self._max_fps = max_fps or (self.settings.remote_fps if remote else self.settings.max_fps)
        self._signs = PLAIN if self.settings.ascii else FANCY
        self._hastened = False
        self._finder: Finder[Any] | None = None
        """The screen that things are opened from, where there is one."""
        self._opened: Dashboard | None = None
        """The dashboard that was opened last."""
        self.troubles: list[str] = []
        """What went wrong on the screen and was survived."""

    def get_default_screen(self) -> Screen[None]:
        """The contents of the lecture or the home screen, where there is one, else the dashboard."""
        if self._programme is not None:
            from tui_trainer.ui.screens.contents import Contents

            self._finder = Contents(self._programme, self._signs)
            return self._finder
        if self._catalogue is not None:
            from tui_trainer.ui.screens.home import Home

            self._finder = Home(self._catalogue, self._signs)
            return self._finder
        if self._session is None:
            raise ValueError("there is neither a session to watch nor a catalogue to choose from")
        if callable(self._session):
            from tui_trainer.ui.screens.splash import Splash

            return Splash("opening ...")
        return self._dashboard(self._session)

    def _open(self, make: Callable[[], Session]) -> None:
        """Put the dashboard of the session that is made now over the first frame."""
        try:
            session = make()
        except UserError as error:
            self.exit(AppResult(error.exit_code, refused=error))
            return
        self.push_screen(self._dashboard(session))

    def _dashboard(self, session: Session, tour: Tour | None = None) -> Dashboard:
        # All that draws and all that is drawn: the home screen stands before it is imported.
        from tui_trainer.ui.dashboard.screen import Dashboard

        share = IN_PROCESS_SHARE if session.kind == "in-process" else SHARE
        self._opened = Dashboard(
            session,
            pace=RedrawBudget(self._max_fps, share, max_kbps=self.settings.max_kbps, sent=lambda: self.bytes_sent),
            keymap=self.settings.keys,
            read_only=self._read_only,
            signs=self._signs,
            tour=tour,
            reading=(self.settings.words_per_minute, self.settings.rest),
        )
        return self._opened

    def post_display_hook(self) -> None:
        """Once the first frame has been sent there is time to import what opens a session."""
        if self._unopened is not None and self.drawn:
            make, self._unopened = self._unopened, None
            self._open_seen(make, monotonic() + UNSEEN)

    def _open_seen(self, make: Callable[[], Session], latest: float) -> None:
        """Open once the terminal has the first frame: the thread that writes it would wait for the imports."""
        if self.drained or monotonic() > latest:
            self.call_later(self._open, make)
        else:
            self.set_timer(0.005, lambda: self._open_seen(make, latest))

    def on_mount(self) -> None:
        """Start the one timer there is."""
        if self._catalogue is not None and self._session is not None and not callable(self._session):
            self.push_screen(self._dashboard(self._session))
        self.set_interval(TICK, self.tick)
        if self._finder is not None:
            self.set_timer(SETTLED, lambda: importlib.import_module("tui_trainer.ui.dashboard.screen"))

    def tick(self) -> None:
        """Look at what has come. What goes wrong here is said and recorded; the next tick tries again."""
        try:
            self.send_pending_frame()
            now = monotonic()
            for screen in self.screen_stack:
                if self._opened is not None and screen is self._opened and self._opened.composed:
                    self._opened.tick(now, self.drained)
                elif self._finder is not None and screen is self._finder and self._finder.composed:
                    self._finder.tick(now)
        except Exception as error:  # noqa: BLE001 - a screen that cannot draw must not take the person's hands off the wheel
            self.stumbled(error)

    def hasten(self) -> None:
        """Look more often until what was asked is answered."""
        if not self._hastened:
            self._hastened = True
            self.set_timer(SOON, self._look_soon)

    def _look_soon(self) -> None:
        self._hastened = False
        self.tick()
        dashboard = self.dashboard
        if dashboard is not None and dashboard.waited_for:
            self.hasten()

    def stumbled(self, error: Exception) -> None:
        """Say what went wrong on the screen, and go on."""
        where = record(error) if len(self.troubles) < 3 else "the log"
        self.troubles = [*self.troubles[-9:], f"{in_words(error)} ({where})"]
        dashboard = self.dashboard
        if dashboard is not None and dashboard.composed:
            dashboard.say(f"the screen stumbled: {self.troubles[-1]}", wrong=True, seconds=20)

    @property
    def dashboard(self) -> Dashboard | None:
        """The dashboard, where one is open."""
        return self._opened if self._opened in self.screen_stack else None

    def on_finder_opened(self, event: Finder.Opened) -> None:
        """Watch what was chosen."""
        self.push_screen(self._dashboard(event.session, event.tour))

    def on_finder_closed(self) -> None:
        """Leave."""
        self.exit(AppResult(0))

    def on_dashboard_left(self, event: Dashboard.Left) -> None:
        """Back to the home screen, or out."""
        finder = self._finder
        if finder is None:
            self.exit(event.result)
            return
        while self.screen is not finder:
            self.pop_screen()
        if event.result.message and not (finder.tour is not None and finder.tour.turn):
            self.notify(visible(event.result.message))
        finder.came_back()

    def on_terminal_gone(self, event: TerminalGone) -> None:
        """Nobody is there any more: leave everything as it is."""
        self.leave_at_once(128 + signal.SIGHUP, "the terminal is gone")

    def action_interrupt(self) -> None:
        """Ctrl+c: ask, and the second time leave without asking."""
        dashboard = self.dashboard
        if dashboard is not None:
            dashboard.leaving.interrupt()
        else:
            self.exit(AppResult(0))

    def leave_at_once(self, exit_code: int, why: str) -> None:
        """Close the session and leave; nothing is stopped."""
        dashboard = self.dashboard
        message = why
        if dashboard is not None:
            message = f"{why}\n{dashboard.leaving.result().message}".strip()
            dashboard.watching.feed.close()
        self.exit(AppResult(exit_code, message))


def run_app(
    session: Session | Callable[[], Session] | None = None,
    *,
    catalogue: Catalog | None = None,
    programme: LecturePlan | None = None,
    settings: Settings | None = None,
    read_only: bool = False,
    theme: str | None = None,
    max_fps: float | None = None,
    tty_fd: int | None = None,
) -> AppResult:
    """Show the screen until somebody leaves it. Never prints, never raises for what happens on the screen.

    The terminal is drawn on through a copy of `tty_fd`, or of the descriptor of stderr where none is given: a host in
    this process may put descriptors 1 and 2 elsewhere as soon as that copy is made.
    """
    tty_fd = os.dup(2 if tty_fd is None else tty_fd)
    rescue = Rescue(tty_fd)
    settings = settings or Settings()
    app = TrainerApp(
        session,
        catalogue=catalogue,
        programme=programme,
        settings=settings,
        read_only=read_only,
        theme=theme,
        max_fps=max_fps,
        tty_fd=tty_fd,
    )

    def leave(number: int) -> None:
        loop = app.event_loop
        if loop is not None:
            loop.call_soon_threadsafe(app.leave_at_once, 128 + number, f"ended by {signal.Signals(number).name}")

    crash: BaseException | None = None
    try:
        with ending_signals(rescue, leave):
            result = app.run(mouse=settings.mouse)
    except Exception as error:  # noqa: BLE001 - the terminal comes first, the traceback goes into a file
        result, crash = None, error
    finally:
        rescue.disarm()
    result = result or AppResult(app.return_code or 0)
    crash = app.crash or crash
    if crash is not None:
        rescue.restore()
        result = AppResult(LOST, f"the screen failed: {in_words(crash)}; details in {record(crash)}")
    if app.gone or not app.drained:
        # Nobody reads this terminal: to print there would be to fail or to wait there.
        result = AppResult(result.exit_code)
    os.close(tty_fd)
    return result
