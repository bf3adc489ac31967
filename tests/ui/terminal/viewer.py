"""The viewer over a session that trains by itself, as a process for a pseudo-terminal: `viewer.py [MODE]`."""

from __future__ import annotations

import sys
import time
from typing import Any

from tests.ui.fake_session import STEPS, FakeSession, finished, started, trained
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.session.base import Message
from tui_trainer.ui.run_app import run_app
from tui_trainer.ui.terminal.terminal_check import terminal_problem

HOSTILE = "evil\x1b]52;c;aGk=\x07\x9b31m\u202e[@click=app.quit]x[/] [/ \x1b[2J"


class TrainingSession(FakeSession):
    """A session that trains a hundred steps per second while it is drained."""

    def __init__(self, title: str) -> None:
        super().__init__("digits" if title != HOSTILE else HOSTILE)
        self.reply = self._answer
        self.play(started(title), ev.StatusChanged(status="running"))
        if title == HOSTILE:
            self.play(ev.Noted(text=HOSTILE), ev.Logged(lines=[HOSTILE]))
        self._step, self._since, self._paused = 0, time.monotonic(), False

    def _answer(self, command: cmd.AnyCommand) -> ev.AnyEvent | None:
        if isinstance(command, cmd.Pause):
            self._paused = True
            return ev.StatusChanged(status="paused", step=self._step, cause=command)
        return finished("stopped") if isinstance(command, cmd.Stop) else None

    def drain(self) -> list[Message]:
        due = int((time.monotonic() - self._since) * 100) // STEPS * STEPS
        if due > self._step and not self._paused:
            self.play(*trained(due - self._step, self._step + 1))
            self._step = due
        return super().drain()


class FailingSession(TrainingSession):
    """A session whose `drain` raises on every tick."""

    def drain(self) -> list[Message]:
        messages = super().drain()
        if self._step:
            raise RuntimeError("drain is broken on purpose")
        return messages


def main(mode: str) -> int:
    """Run the viewer, print its last message and return its exit code."""
    problem = terminal_problem()
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2
    from tui_trainer.ui.dashboard.footer import Footer

    flash = Footer.flash
    # A message stays on a busy machine too, until the test has read it.
    Footer.flash = lambda self, text, **options: flash(self, text, **(options | {"until": options["until"] + 600.0}))  # type: ignore[method-assign]
    sessions: dict[str, Any] = {
        "failing": FailingSession,
        "usual": TrainingSession,
        "hostile": TrainingSession,
        "crash": TrainingSession,
    }
    if mode == "crash":
        from tui_trainer.ui.dashboard.header import Header

        def broken(self: Header) -> None:
            raise RuntimeError("broken on purpose")

        Header.render = broken  # type: ignore[method-assign,assignment]
    result = run_app(sessions[mode](HOSTILE if mode == "hostile" else "Digits"), theme="dark")
    if result.message:
        print(result.message, flush=True)
    return result.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "usual"))
