"""Every screen of the program: an app that shows it, and the keys that open it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.ui.fake_session import TERMINAL, FakeSession, app_over, finished, running, started, trained
from tests.ui.lecture.test_lecture import Lecture, narrated
from tests.ui.screens.test_home import Shelf
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.event_records import FindingAction
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.settings import Settings

SIZES = ((80, 24), (140, 40), (40, 12))
MODES = ("colour", "no colour", "ascii")


@dataclass(frozen=True)
class Shown:
    """A screen.

    Attributes:
        keys: the keys that open it.
        ready: a text that is on the screen before the keys are pressed, at 80 columns.
        later: a text that a thread adds, from 80 columns on.
        options: returns the arguments of the app.
    """

    keys: tuple[str, ...] = ()
    ready: str = "4/10"
    later: str = ""
    options: Callable[[], dict[str, Any]] = lambda: {"session": steered()}

    def app(self, mode: str) -> TrainerApp:
        """Return an app in a mode."""
        environ = {**TERMINAL, "NO_COLOR": "1"} if mode == "no colour" else TERMINAL
        # The lecture moves on by itself: a reading speed at which it stays where it is.
        settings = Settings(ascii=mode == "ascii", words_per_minute=20)
        return app_over(**self.options(), environ=environ, settings=settings)


def steered(*runs: str) -> FakeSession:
    """Return a session whose runs have an intervention, a note and a finding."""
    session = running(*runs)
    cause = cmd.SetLearningRate(factor=0.5, by="ann@host")
    for run in session.runs:
        session.play(
            ev.SettingChanged(step=100, name="lr", value=0.004, previous=0.008, cause=cause),
            ev.Noted(step=150, text="a note"),
            ev.ResourcesMeasured(memory=412_000_000),
            ev.Diagnosed(
                step=200,
                epoch=4,
                finding="LR_LOW",
                title="The rate looks low",
                evidence="steps match their linear prediction (ratio 0.999) but are tiny",
                why="The same result could be had in far fewer epochs.",
                advice="Raise the learning rate.",
                since_step=120,
                until_step=200,
                actions=(FindingAction(label="three times the rate", action="rate", value="x3"),),
            ),
            run=run,
        )
    return session


def over() -> FakeSession:
    """Return a session whose run is over."""
    session = steered()
    session.play(finished("early-stopped", "no better val_loss for 5 epochs"))
    return session


def ended_set() -> FakeSession:
    """Return a session of three runs, one of which diverged."""
    session = running("set/a", "set/b", "set/c")
    for run in ("set/a", "set/b"):
        session.play(finished(), run=run)
    session.play(finished("not-finite", "train_loss became NaN in step 200", 1), run="set/c")
    return session


def lost() -> FakeSession:
    """Return a session whose host has died."""
    session = steered()
    session.say("the host of this run is gone: killed by SIGKILL", fatal=True)
    return session


def waiting() -> FakeSession:
    """Return a session whose run has been described and has not taken a step."""
    session = FakeSession()
    session.play(started(), ev.StatusChanged(status="starting"))
    return session


def lesson() -> FakeSession:
    """Return a session with two runs of a lesson."""
    session = narrated()
    for run in session.runs:
        session.play(*trained(200), run=run)
    return session


def _over(session: Callable[[], FakeSession]) -> Callable[[], dict[str, Any]]:
    return lambda: {"session": session()}


_SET = _over(lambda: steered("set/a", "set/b", "set/c"))

SCREENS: dict[str, Shown] = {
    "dashboard": Shown(),
    "one-chart": Shown(("1", "1")),
    "runs": Shown(options=_SET),
    "runs-page": Shown(("r",), options=_SET),
    "run-table": Shown(("r", "r"), options=_SET),
    "steer-panel": Shown(("o",)),
    "rate": Shown(("o", "r")),
    "optimizer": Shown(("o", "o")),
    "clip": Shown(("o", "g")),
    "early-stopping": Shown(("o", "p")),
    "epochs": Shown(("o", "E")),
    "roll-back": Shown(("o", "b")),
    "note": Shown(("o", "n")),
    "train-again": Shown(("o", "N")),
    "schedule": Shown(("s",)),
    "stop": Shown(("e",)),
    "findings": Shown(("i",)),
    "layers": Shown(("w",)),
    "intervention": Shown(("left_square_bracket",)),
    "events": Shown(("f",)),
    "search": Shown(("slash",)),
    "copy": Shown(("y",)),
    "help": Shown(("question_mark",)),
    "palette": Shown(("colon",)),
    "theme-picker": Shown(("t",)),
    "settings": Shown(("comma",)),
    "quit": Shown(("q",)),
    "first-step": Shown(ready="waiting for the first step", options=_over(waiting)),
    "end-card": Shown(options=_over(over)),
    "end-card-of-a-set": Shown(options=_over(ended_set)),
    "host-died": Shown(options=_over(lost)),
    "lesson": Shown(("W",), options=_over(lesson)),
    "lesson-remark": Shown(options=_over(lesson)),
    "home": Shown(("down",), "digits-mlp", "optimizer  adam", lambda: {"catalogue": Shelf()}),
    "home-search": Shown(("slash", "t", "o", "o"), "digits-mlp", "run too-high", lambda: {"catalogue": Shelf()}),
    "home-help": Shown(("question_mark",), "digits-mlp", options=lambda: {"catalogue": Shelf()}),
    "contents": Shown(("down",), "gd-vs-sgd", options=lambda: {"programme": LecturePlan(Lecture())}),
}
