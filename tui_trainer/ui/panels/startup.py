"""What is seen before a run has anything to draw: what it is doing, and for how long."""

from __future__ import annotations

from time import monotonic

from textual.content import Content

from tui_trainer.protocol.describe import duration
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.panel import Panel


class StartupPanel(Panel):
    """A sign that moves, the step of the start, the seconds since."""

    DEFAULT_CSS = """
    StartupPanel { height: 4; padding: 1 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._since = monotonic()
        self._group = ""
        """The runs that were waited for."""

    def say(self, state: RunState | None, signs: Icons, trouble: str = "") -> None:
        """Show how far the start has come, or what put an end to it."""
        if trouble:
            self.show(Content.styled(f"{signs.cut_off} {trouble}", "bold $error"))
            return
        group = state.run.partition("/")[0] if state is not None else ""
        if self._group and group != self._group:
            self._since = monotonic()
        self._group = group
        passed = monotonic() - self._since
        sign = signs.spinner[int(passed * 5) % len(signs.spinner)]
        doing = visible(state.detail) if state is not None and state.detail else "waiting for the host"
        lines = [
            Content.assemble((f"{sign} starting", "bold $secondary"), f": {doing}{signs.ellipsis} "),
            Content.styled(f"  for {duration(passed)}", "$muted"),
        ]
        self.show(Content("\n").join(lines))
