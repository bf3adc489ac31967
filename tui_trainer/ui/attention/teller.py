"""Decides when title, bell and notification are sent: rarely, only when they change, and not to a watching user."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui_trainer.ui.settings import Settings
from tui_trainer.ui.terminal.sequences import BELL, has_title, notification_sequence

if TYPE_CHECKING:
    from tui_trainer.ui.attention.watch import News, RunWatch
    from tui_trainer.ui.dashboard.view_state import ViewState
    from tui_trainer.ui.icons import Icons

HOME = "tui-trainer"
"""Title while no run is shown."""
TITLE_SECONDS = 3.0
"""Least seconds between two titles."""
BELL_SECONDS = 3.0
"""Least seconds between two notifications; news that comes meanwhile is told with the next one."""
AWAY_SECONDS = 60.0
"""Seconds without a key after which a terminal that never speaks of its focus is taken for one without it."""


class Teller:
    """Tells the user of a screen what happens on it while the window is not looked at.

    Args:
        settings: which of title, bell and notification are on.
        environ: environment variables that describe the terminal.
        set_title: sets the title of the terminal.
        send: sends a control sequence to the terminal.
        now: monotonic time in seconds at which the screen opens.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        set_title: Callable[[str], None],
        send: Callable[[str], None],
        now: float,
    ) -> None:
        self.settings = settings
        self._environ = environ
        self._set_title = set_title
        self._send = send
        self._watch: RunWatch | None = None
        self._has_title = settings.title and has_title(environ)
        self._waiting: list[News] = []
        self._focused: bool | None = None
        """Whether the window has the focus, as the terminal said last; None before it has said anything."""
        self._used_at = now
        """Time of the last key or click."""
        self._title = ""
        self._titled_at = float("-inf")
        self._told_at = float("-inf")

    def focus(self, focused: bool) -> None:
        """Note what the terminal says about its focus."""
        self._focused = focused

    def used(self, now: float) -> None:
        """Note a key or a click: the user is here."""
        self._used_at = now

    def watched(self, now: float) -> bool:
        """Return whether the user looks at the window, as far as the terminal tells."""
        return now - self._used_at < AWAY_SECONDS if self._focused is None else self._focused

    def tick(self, now: float, view_state: ViewState | None, icons: Icons) -> None:
        """Send what is due, for the runs of a dashboard or, without one, for home."""
        if view_state is not None:
            if self._watch is None:
                from tui_trainer.ui.attention.watch import RunWatch  # needs models that the first frame does without

                self._watch = RunWatch()
            self._waiting += self._watch.poll(view_state.states, view_state.store, view_state.muted, now)
        if self._waiting and self.watched(now):
            self._waiting.clear()
        if self._waiting and now - self._told_at >= BELL_SECONDS:
            news, self._waiting = self._waiting, []
            self._told_at = now
            self._tell(news)
        if self._has_title and now - self._titled_at >= TITLE_SECONDS:
            text = _title(view_state, icons)
            if text != self._title:
                self._title, self._titled_at = text, now
                self._set_title(text)

    def _tell(self, news: Sequence[News]) -> None:
        first = next((each for each in news if each.kind == "fail"), news[0])
        text = first.text + (f" (and {len(news) - 1} more)" if len(news) > 1 else "")
        sequence = notification_sequence(first.run, text, self.settings.notify, self._environ)
        if self.settings.bell or sequence:
            self._send((BELL if self.settings.bell else "") + sequence)


def _title(view_state: ViewState | None, icons: Icons) -> str:
    if view_state is None or not view_state.states:
        return HOME
    from tui_trainer.ui.attention.title import title_text

    return title_text(view_state.states, view_state.selected_index, view_state.store, icons)
