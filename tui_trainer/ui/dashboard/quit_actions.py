"""The ways out: stop and save, leave it training, or stay. What will be true afterwards is said before and after."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.protocol.commands import ALL_RUNS, Stop
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.app_result import LOST, AppResult
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.panels.status import best_text, name_of
from tui_trainer.ui.panels.summary import end_reason

if TYPE_CHECKING:
    from tui_trainer.ui.dashboard.screen import Dashboard
    from tui_trainer.ui.screens.dialogs.confirm import Confirm


class QuitActions:
    """Knows how far a person is on the way out."""

    def __init__(self, dashboard: Dashboard, watch: ViewState) -> None:
        self._dashboard = dashboard
        self._watch = watch
        self._asking: Confirm | None = None
        self._when_over = False
        self._left = False

    def doings(self) -> dict[str, Callable[[], None]]:
        """What each action does, by its id."""
        return {"quit": self.quit, "detach": self.detach}

    @property
    def stopping(self) -> bool:
        """Whether the screen closes as soon as the runs are over."""
        return self._when_over

    @property
    def _idle(self) -> bool:
        """Whether nothing is left that could be stopped from here."""
        feed, watch = self._watch.feed, self._watch
        return feed.over or not feed.connected or not feed.session.can_steer or watch.read_only

    def quit(self) -> None:
        """Leave; where something is training, ask what is to become of it."""
        if self._when_over or self._idle:
            self.leave()
        elif self._asking is None:
            self._ask()

    def turn_away(self) -> None:
        """Leave for another lesson: what is training is stopped and saved before; asked again, leave at once."""
        if self._when_over or self._idle:
            self.leave()
        else:
            self._stop("stopping: validating and saving; the same key again leaves at once")

    def _stop(self, words: str) -> None:
        self._when_over = True
        self._dashboard.send(Stop(), "stop", run=ALL_RUNS)
        self._dashboard.say(words, seconds=60)

    def interrupt(self) -> None:
        """Ctrl+c: the first asks, the second leaves it training; in this very process the second stops it."""
        if self._asking is not None:
            self._asking.answer("stop" if self._watch.feed.session.kind == "in-process" else "detach")
        else:
            self.quit()

    def _ask(self) -> None:
        from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

        inside = self._watch.feed.session.kind == "in-process"
        many = len(self._watch.states) > 1
        stop = Possible("stop", "s", "Stop and save", "validate, save, then leave")
        detach = Possible("detach", "d", "Leave it training", "come back with: tui-trainer attach")
        cancel = Possible("cancel", "c", "Cancel", "stay here")
        answers = (stop, cancel) if inside else (stop, detach, cancel)
        question = f"{len(self._watch.states)} runs are training." if many else "The training goes on."
        self._asking = Confirm("Quit", question, answers)
        self._dashboard.ask(self._asking, self._answered, cancelled=self._stay)

    def _stay(self) -> None:
        self._asking = None

    def _answered(self, answer: str) -> None:
        self._asking = None
        if answer == "stop":
            self._stop("stopping: validating and saving; q again leaves at once")
        elif answer == "detach":
            self.detach()

    def detach(self) -> None:
        """Leave at once; the runs go on."""
        self.leave()

    def check(self) -> None:
        """Leave, where that was to happen once the runs are over, or where none could be started."""
        if (self._when_over and self._idle) or self._nothing_began:
            self.leave()

    @property
    def _nothing_began(self) -> bool:
        """Whether every run was refused before it began: an empty screen has nothing to show that one line has not."""
        states = self._watch.states
        return bool(states) and all(state.reason == "refused" and state.started is None for state in states)

    def leave(self) -> None:
        """Close the session and the screen."""
        if not self._left:
            self._left = True
            self._dashboard.leave(self.result())

    def result(self) -> AppResult:
        """The exit code and what to say, as things are now."""
        states = self._watch.states
        feed = self._watch.feed
        over = [state for state in states if state.over]
        message = "\n".join(_farewell(state, feed.connected and feed.session.kind == "live") for state in states)
        if not feed.connected and len(over) < len(states or [None]):
            return AppResult(LOST, f"{feed.trouble}\n{message}".strip())
        return AppResult(max((state.exit_code for state in over), default=0), message)


def _farewell(state: RunState, goes_on: bool) -> str:
    name = name_of(state)
    if state.over:
        best = f"; best {visible(state.best.metric)} {best_text(state)}" if state.best is not None else ""
        where = f"; {visible(state.started.path)}" if state.started is not None and state.started.path else ""
        return f"{name}: {end_reason(state)}{best}{where}"
    if goes_on:
        return f"{name} goes on training: tui-trainer attach {shlex.quote(name)}"
    return f"{name}: left at step {state.step:,}"
