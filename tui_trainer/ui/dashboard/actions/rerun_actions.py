"""Actions that train the same runs again from the start: with a turned problem, or with other settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import ALL_RUNS, Stop
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.drills.restart import notes_of_drill

if TYPE_CHECKING:
    from tui_trainer.ui.screens.start_form import Chosen

TURN = 15
"""Degrees by which one key press turns the problem."""
FULL_TURN = 180
"""Degrees after which the problem looks as before."""
MORE = 0.8
"""Seconds to wait for another turn: three presses in a row start one training at 45 degrees."""


@dataclass(frozen=True, slots=True)
class _Rerun:
    """A pending rerun.

    Attributes:
        overrides: the settings that change.
        due: time at which it begins.
        begun: called once it has begun.
        hold: whether the new runs wait before their first batch.
    """

    overrides: tuple[str, ...]
    due: float
    begun: Callable[[], None] = lambda: None
    hold: bool = False


class RerunActions:
    """Handlers that replace the runs on the screen by new runs with other settings.

    New runs get directories of their own next to the old ones; turning a problem is nothing but another
    `data.rotation`. Of runs that still train the user is asked first whether they stop.
    """

    def __init__(self, context: DashboardContext) -> None:
        self._context = context
        self._pending: _Rerun | None = None
        self._rotation: float | None = None
        """Degrees that the turns since the last rerun add up to; None without any."""
        self._stopping = False
        self._leaves_running = False
        """Whether the present runs go on without this screen."""

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {"turn": self.turn, "anew": self.ask}

    def forms(self) -> dict[str, Callable[[str], None]]:
        """Return the functions that open the form of an action with a value."""
        return {"anew": self.ask}

    @property
    def _trains(self) -> bool:
        """Whether a new training would end one that this screen can stop."""
        store = self._context.view_state.store
        return not store.over and store.connected and store.session.can_steer

    def _ask_first(self, purpose: str, go_on: Callable[[], None]) -> None:
        """Go on at once, or, while something trains, once the user has said what becomes of it."""
        from tui_trainer.ui.steering.questions import ask_end

        if not self._trains:
            go_on()
            return
        store = self._context.view_state.store

        def answered(answer: str) -> None:
            if answer != "stay":
                self._leaves_running = answer == "keep"
                go_on()

        dialog = ask_end(self._context.view_state.states, purpose, keep=store.session.kind == "live")
        self._context.ask(dialog, answered)

    def turn(self) -> None:
        """Turn the problem by `TURN` degrees; several presses in a row add up, and only the first one asks."""
        if self._rotation is None:
            self._ask_first("turn the problem", self._turn)
        else:
            self._turn()

    def _turn(self) -> None:
        before = _config(self._context.selected_run)["data"]["rotation"] if self._rotation is None else self._rotation
        self._rotation = (float(before) + TURN) % FULL_TURN
        self._pending = _Rerun((f"data.rotation={self._rotation:g}",), monotonic() + MORE)
        self._context.flash(f"turned to {self._rotation:g} degrees; training restarts", seconds=60)

    def ask(self, proposed: str = "") -> None:
        """Ask for the settings to change and train again with them."""
        from tui_trainer.session.spare.spare_host import SPARE
        from tui_trainer.ui.screens.start_form import StartForm, check_of

        SPARE.prepare()  # while the user types
        try:
            base, check = check_of(_config(self._context.selected_run), "rerun", "the run")
        except UserError as error:
            self._context.flash(str(error), error=True, seconds=20)
            return
        runs = len(self._context.view_state.states)
        which = f"{runs} new runs" if runs > 1 else "a new run"
        note = f"from the start, in {which}"
        dialog = StartForm("Train again", base, check, note=note, proposed=proposed, typing=True)
        self._context.ask(dialog, self._accepted)

    def _accepted(self, chosen: Chosen) -> None:
        self._ask_first("train again", lambda: self._begin_soon(chosen.changes))

    def _begin_soon(self, overrides: tuple[str, ...]) -> None:
        self._pending, self._rotation = _Rerun(overrides, monotonic()), None
        self._context.flash(f"training again with {' '.join(overrides)}", seconds=60)

    def again(self, overrides: tuple[str, ...], purpose: str, begun: Callable[[], None], *, hold: bool) -> None:
        """Train the same runs again for a lesson; asks first while something trains.

        Args:
            overrides: the settings to change.
            purpose: completes the question what becomes of the present runs.
            begun: called once the new runs are on the screen.
            hold: let them wait before their first batch.
        """

        def go_on() -> None:
            self._pending, self._rotation = _Rerun(overrides, monotonic(), begun, hold), None

        self._ask_first(purpose, go_on)

    def tick(self, now: float) -> None:
        """Stop the runs that train, and begin the pending rerun once they are over."""
        pending = self._pending
        if pending is None or now < pending.due:
            return
        if self._trains and not self._leaves_running:
            if not self._stopping:
                self._stopping = True
                self._context.send(Stop(), "stop", run=ALL_RUNS)
            return
        turned = self._rotation is not None
        self._pending, self._rotation, self._stopping, self._leaves_running = None, None, False, False
        self._begin(pending, turned)

    def _begin(self, rerun: _Rerun, turned: bool) -> None:
        from tui_trainer.session.rerun import rerun_session

        view_state = self._context.view_state
        folders = {state.run: state.started.path if state.started is not None else "" for state in view_state.states}
        pictures = view_state.pictures
        try:
            notes = notes_of_drill(view_state.selected_run)
            session = rerun_session(folders, rerun.overrides, notes, hold=rerun.hold)
        except UserError as error:
            self._context.flash(str(error), error=True, seconds=20)
            return
        view_state.replace_runs(session)
        if turned and view_state.maximized is None:
            view_state.maximized = next((picture for picture in pictures if picture.name == "path"), None)
        changed = f" with {' '.join(rerun.overrides)}" if rerun.overrides else ""
        self._context.flash(f"training from the start{changed}")
        rerun.begun()
        self._context.relayout()


def _config(state: RunState) -> dict[str, Any]:
    return state.started.config if state.started is not None else {}
