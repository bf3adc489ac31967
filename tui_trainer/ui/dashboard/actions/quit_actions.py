"""Actions that leave the dashboard: stop and save, detach, or stay.

Before and after leaving, the screen says which runs stop and which continue.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui_trainer.protocol.commands import ALL_RUNS, Stop
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.app_result import LOST, AppResult
from tui_trainer.ui.cards.ranking import ranking
from tui_trainer.ui.cards.result import result_of, verdict
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.panels.progress import resume_epoch, training_now
from tui_trainer.ui.panels.status import name_of
from tui_trainer.ui.panels.summary import end_reason

if TYPE_CHECKING:
    from tui_trainer.ui.screens.dialogs.confirm import Confirm


LEAVING = "stopping: validating and saving; press the same key again to leave at once"

INTERRUPTING = "the script is interrupted, after a step where its steps are seen; press q again to leave at once"

LISTED = 10
"""Most runs of a set that the closing message lists."""


class QuitActions:
    """Handlers of quit and detach, with the state of the quit dialog."""

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._dialog: Confirm | None = None
        self._leave_when_over = False
        self._left = False

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"quit": self.quit, "detach": self.leave}

    @property
    def stopping(self) -> bool:
        """Whether the screen closes as soon as the runs are over."""
        return self._leave_when_over

    @property
    def _idle(self) -> bool:
        """Whether this screen has nothing left to stop."""
        view_state = self._context.view_state
        store = view_state.store
        ended = bool(view_state.states) and not training_now(view_state.states, store)
        return ended or not store.connected or not store.session.can_steer or view_state.read_only

    def quit(self) -> None:
        """Leave; while something is training, ask first whether to stop it."""
        if self._leave_when_over or self._idle:
            self.leave()
        elif self._dialog is None:
            self._ask()

    def leave_for_lesson(self, cancelled: Callable[[], None], *, ask: bool) -> None:
        """Leave for another lesson; a second call leaves at once.

        Args:
            cancelled: called where the user stays.
            ask: whether to ask first what becomes of a training; autoplay stops and saves it.
        """
        if self._leave_when_over or self._idle:
            self.leave()
        elif not ask:
            self._stop(LEAVING)
        elif self._dialog is None:
            from tui_trainer.ui.steering.questions import ask_end

            in_process = self._context.view_state.store.session.kind == "in-process"
            self._dialog = ask_end(self._context.view_state.states, "go to the lesson", keep=not in_process)

            def answered(answer: str) -> None:
                self._dialog = None
                if answer == "stop":
                    self._stop(LEAVING)
                elif answer == "keep":
                    self.leave()
                else:
                    cancelled()
                    if answer == "detach":  # ctrl+c in the dialog
                        self.leave()

            def stayed() -> None:
                self._stay()
                cancelled()

            self._context.ask(self._dialog, answered, cancelled=stayed)

    def _stop(self, message: str) -> None:
        self._leave_when_over = True
        self._context.send(Stop(), "stop", run=ALL_RUNS)
        self._context.flash(message, seconds=60)

    def interrupt(self) -> None:
        """Handle ctrl+c: the first press asks; the second detaches, or stops a run that trains in this process."""
        if self._dialog is not None:
            in_process = self._context.view_state.store.session.kind == "in-process"
            self._dialog.answer("stop" if in_process else "detach")
        else:
            self.quit()

    def _ask(self) -> None:
        from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible

        view_state = self._context.view_state
        stop = Possible("stop", "s", "Stop and save", "validate, save, then leave")
        if any(map(_is_watched, view_state.states)):
            stop = Possible("stop", "s", "Stop the script", "interrupt it (SIGINT to its group), then leave")
        detach = Possible("detach", "d", "Leave it training", "rejoin with: tui-trainer attach")
        cancel = Possible("cancel", "c", "Cancel", "stay here")
        in_process = view_state.store.session.kind == "in-process"
        answers = (stop, cancel) if in_process else (stop, detach, cancel)
        runs = len(training_now(view_state.states, view_state.store))
        question = f"{runs} runs are training." if runs > 1 else "The run is still training."
        self._dialog = Confirm("Quit", question, answers)
        self._context.ask(self._dialog, self._answered, cancelled=self._stay)

    def _stay(self) -> None:
        self._dialog = None

    def _answered(self, answer: str) -> None:
        self._dialog = None
        if answer == "stop":
            watched = any(map(_is_watched, self._context.view_state.states))
            self._stop(INTERRUPTING if watched else "stopping: validating and saving; press q again to leave at once")
        elif answer == "detach":
            self.leave()

    def check(self) -> None:
        """Leave once the runs are over, where that was asked for, or where no run could be started."""
        if (self._leave_when_over and self._idle) or self._all_refused:
            self.leave()
        elif self._dialog is not None and self._idle and not self._context.view_state.store.over:
            self._dialog.answer("cancel")  # the host died: there is nothing left to stop

    @property
    def _all_refused(self) -> bool:
        """Whether every run was refused before it began: one line says all that an empty screen would show."""
        states = self._context.view_state.states
        return bool(states) and all(state.reason == "refused" and state.started is None for state in states)

    def leave(self) -> None:
        """Close the session and the screen at once; runs that train continue."""
        if not self._left:
            self._left = True
            self._context.leave(self.result())

    def result(self) -> AppResult:
        """Return the exit code and the closing message for the present state of the runs."""
        states = self._context.view_state.states
        store = self._context.view_state.store
        over = [state for state in states if state.over]
        live = store.connected and store.session.kind == "live"
        if len(states) > 1 and len(over) == len(states):
            message = _farewell_of_set(states)
        else:
            message = "\n".join(_farewell(state, live, store.vanished(state)) for state in states)
        if not store.connected and len(over) < len(states or [None]):
            return AppResult(LOST, f"{store.error}\n{message}".strip())
        return AppResult(max((state.exit_code for state in over), default=0), message)


def _is_watched(state: RunState) -> bool:
    """Return whether a run is that of a script that was not edited."""
    script = state.started.config.get("script") if state.started is not None else None
    return isinstance(script, dict) and bool(script.get("watched"))


def _farewell_of_set(states: Sequence[RunState]) -> str:
    """Return the ranking of a set that is over, its best runs first, and where it was saved."""
    ranked = ranking(states)
    if ranked is None:
        return "\n".join(_farewell(state, False, False) for state in states)
    rows = [f"  {visible(row.name)}: {verdict(row.result)}" for row in ranked.rows[:LISTED]]
    more = len(ranked.rows) - LISTED
    rows += [f"  and {more} more"] if more > 0 else []
    folders = dict.fromkeys(state.started.path for state in states if state.started is not None and state.started.path)
    parents = dict.fromkeys(path.rpartition("/")[0] for path in folders)
    saved = f"; saved in {visible(next(iter(parents)))}" if len(parents) == 1 else ""
    return "\n".join([f"{len(states)} runs by {ranked.metric.replace('_', ' ')}{saved}", *rows, ranked.remark])


def _farewell(state: RunState, still_training: bool, died: bool) -> str:
    name = name_of(state)
    if state.over:
        result = result_of(state)
        reached = f"{verdict(result)}; " if result is not None else ""
        folder = f"; {visible(state.started.path)}" if state.started is not None and state.started.path else ""
        return f"{name}: {reached}{end_reason(state)}{folder}"
    if died:
        return (
            f"{name}: its host died at step {state.step:,}; "
            f"resume with: tui-trainer resume {shlex.quote(name)} (from epoch {resume_epoch(state)})"
        )
    if still_training:
        return f"{name} is still training; rejoin with: tui-trainer attach {shlex.quote(name)}"
    return f"{name}: left at step {state.step:,}"
