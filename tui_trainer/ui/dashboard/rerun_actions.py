"""The keys that train the same runs from their beginning once more: with the problem turned, or with other settings."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import ALL_RUNS, Stop
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.view_state import ViewState

if TYPE_CHECKING:
    from tui_trainer.ui.dashboard.screen import Dashboard

TURN = 15
"""Degrees by which one key turns the problem."""
WHOLE = 180
"""Degrees after which it lies as before."""
MORE = 0.8
"""Seconds for which another turn is waited for: three keys in a row are one training at 45 degrees."""


class RerunActions:
    """Leaves what is trained here for new runs of the same kind.

    They are runs like all others, each with a folder of its own beside the old one: what turns a problem is nothing
    but `data.rotation`. What still trains is stopped and saved before.
    """

    def __init__(self, dashboard: Dashboard, watch: ViewState) -> None:
        self._dashboard = dashboard
        self._watch = watch
        self._wanted: tuple[str, ...] = ()
        """The overrides that the new runs are to have; empty where none are to come."""
        self._due = 0.0
        self._turned: float | None = None
        """The degrees that the turns of this moment have come to."""
        self._stopping = False

    def doings(self) -> dict[str, Callable[[], None]]:
        """What each action does, by its id."""
        return {"turn": self.turn, "anew": self.ask}

    def turn(self) -> None:
        """The problem turned by some degrees more; several keys in a row add up."""
        before = float(_config(self._dashboard.chosen)["data"]["rotation"]) if self._turned is None else self._turned
        self._turned = (before + TURN) % WHOLE
        self._wanted, self._due = (f"data.rotation={self._turned:g}",), monotonic() + MORE
        self._dashboard.say(f"turned to {self._turned:g} degrees: all is trained from the start", seconds=60)

    def ask(self) -> None:
        """Ask for the settings that are to be others."""
        from tui_trainer.ui.screens.dialogs.prompt import Prompt

        config = _config(self._dashboard.chosen)
        explanation = "from the start, in new runs, with KEY=VALUE ...: optimizer.lr=0.1 training.seed=1"
        self._dashboard.ask(Prompt("Anew", explanation, "", lambda text: read(text, config)), self._settings)

    def _settings(self, overrides: tuple[str, ...]) -> None:
        self._wanted, self._due, self._turned = overrides, monotonic(), None
        self._dashboard.say(f"anew with {' '.join(overrides)}", seconds=60)

    def tick(self, now: float) -> None:
        """Stop what trains, and begin when that is over."""
        if not self._wanted or now < self._due:
            return
        feed = self._watch.feed
        if not feed.over and feed.connected and feed.session.can_steer:
            if not self._stopping:
                self._stopping = True
                self._dashboard.send(Stop(), "stop", run=ALL_RUNS)
            return
        wanted, turned = self._wanted, self._turned is not None
        self._wanted, self._turned, self._stopping = (), None, False
        self._begin(wanted, turned)

    def _begin(self, overrides: Sequence[str], turned: bool) -> None:
        from tui_trainer.session.rerun import rerun_session

        watch = self._watch
        folders = {state.run: state.started.path if state.started is not None else "" for state in watch.states}
        shots = watch.shots
        try:
            session = rerun_session(folders, overrides)
        except UserError as error:
            self._dashboard.say(str(error), wrong=True, seconds=20)
            return
        watch.begin(session)
        if turned and watch.whole is None:
            watch.whole = next((shot for shot in shots if shot.name == "path"), None)
        self._dashboard.say(f"from the start, with {' '.join(overrides)}")
        self._dashboard.rearrange()


def read(text: str, config: dict[str, Any]) -> tuple[str, ...]:
    """The overrides in a line, checked against a run's configuration. Raises ValueError where they are none."""
    from tui_trainer.config.preset import build

    overrides = tuple(shlex.split(text))
    if not overrides:
        raise ValueError("KEY=VALUE, for example optimizer.lr=0.1 training.seed=1")
    try:
        build(config, name="anew", source="the run", overrides=overrides)
    except UserError as error:
        raise ValueError(str(error).removeprefix("command line: ")) from None
    return overrides


def _config(state: RunState) -> dict[str, Any]:
    return state.started.config if state.started is not None else {}
