"""The start-up panel, shown until a run has something to draw."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic

from textual.content import Content

from tui_trainer.protocol.describe import duration
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.panel import Panel

PAUSE = 3.0
"""Seconds without a word after which another start has begun, such as that of a resumed run."""


class StartupPanel(Panel):
    """A spinner with the current stage of the start and the time since it began, above what is known of the run."""

    DEFAULT_CSS = """
    StartupPanel { height: auto; padding: 1 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._since = self._said = monotonic()
        self._group = ""
        """The group of runs that the panel waits for."""

    def say(self, state: RunState | None, icons: Icons, error: str = "", known: Sequence[Content] = ()) -> None:
        """Show the stage of the start above what is known of the run, or the error that ended it."""
        if error:
            self.show(Content.styled(f"{icons.cut_off} {error}", "bold $error"))
            return
        group = state.run.partition("/")[0] if state is not None else ""
        now = monotonic()
        if (self._group and group != self._group) or now - self._said > PAUSE:
            self._since = now
        self._said = now
        self._group = group
        elapsed = now - self._since
        sign = icons.spinner[int(elapsed * 5) % len(icons.spinner)]
        detail = visible(state.detail) if state is not None and state.detail else "waiting for the host"
        stage = Content.assemble(
            (f"{sign} starting", "bold $secondary"),
            f": {detail}{icons.ellipsis} ",
            (f" for {duration(elapsed)}", "$muted"),
        )
        self.show(Content("\n").join([stage, Content(""), *known] if known else [stage]), layout=True)
