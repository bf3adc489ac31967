"""The gate: the holder of the wheel steers, and others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.wheel.gate import HELD_SECONDS, Gate
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe

ANN: dict[str, Any] = {"by": "ann", "actor": "person"}
BOB: dict[str, Any] = {"by": "bob", "actor": "person"}
NIGHTLY: dict[str, Any] = {"by": "nightly", "actor": "script"}


class Watched:
    """A gate with a clock that a test moves, and all that came through it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.passed: list[cmd.AnyCommand] = []
        self.events: list[ev.AnyEvent] = []
        self.bus = EventBus()
        for run in ("one", "two"):
            self.bus.add_run(run)
        self.bus.subscribe(self, lambda states: None)
        self.gate = Gate(self.bus, self._take, clock=lambda: self.now)

    def _take(self, command: cmd.AnyCommand) -> None:
        self.passed.append(command)

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        self.events.append(event)

    def restart(self) -> None: ...

    def said(self) -> list[str]:
        """What the first run was told of the wheel."""
        return [describe(event) or "" for event in self.events if event.run == "one"]


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_all_senders_steer_until_one_takes_the_wheel(watched: Watched) -> None:
    for sender in (ANN, BOB, NIGHTLY):
        assert watched.gate.submit(cmd.Pause(**sender), object()) is None
    assert [command.by for command in watched.passed] == ["ann", "bob", "nightly"]


def test_others_are_refused_by_name_and_told_how_to_take_it(watched: Watched) -> None:
    ann, bob = object(), object()
    assert watched.gate.submit(cmd.TakeWheel(**ANN), ann) is None
    reason = watched.gate.submit(cmd.SetClip(value=1.0, **BOB), bob)
    assert reason == "ann (person) has the wheel; take it with @, or with `send RUN take-wheel`"
    assert watched.gate.submit(cmd.SetClip(value=1.0, **NIGHTLY)) == reason
    assert watched.gate.submit(cmd.GiveWheel(**BOB), bob) == reason
    assert watched.gate.submit(cmd.SetClip(value=2.0, **ANN), ann) is None
    assert watched.gate.submit(cmd.SetClip(value=3.0, **ANN)) is None, "the same name from another terminal"
    assert watched.gate.submit(cmd.Pause(by="lesson"), ann) is None, "what her screen sends by itself"
    assert [getattr(command, "value", None) for command in watched.passed] == [2.0, 3.0, None]


def test_it_is_taken_and_given_and_every_run_is_told(watched: Watched) -> None:
    ann, bob = object(), object()
    watched.gate.submit(cmd.TakeWheel(**ANN), ann)
    assert watched.gate.submit(cmd.TakeWheel(**ANN), ann) == "the wheel is yours already"
    assert watched.gate.submit(cmd.TakeWheel(**BOB), bob) is None
    assert "bob (person) has the wheel" in (watched.gate.submit(cmd.Pause(**ANN), ann) or "")
    assert watched.gate.submit(cmd.GiveWheel(**BOB), bob) is None
    assert watched.gate.submit(cmd.GiveWheel(**BOB), bob) == "the wheel is free: all may steer"
    assert watched.gate.submit(cmd.Pause(**ANN), ann) is None
    assert watched.said() == [
        "ann (person) took the wheel",
        "bob (person) took the wheel from ann (person)",
        "the wheel is free: bob (person) gave it",
    ]
    assert [event.run for event in watched.events] == ["one", "two"] * 3
    assert watched.bus.states()[1].wheel is None


def test_it_is_free_when_the_screen_of_its_holder_is_gone(watched: Watched) -> None:
    ann, bob = object(), object()
    watched.gate.submit(cmd.TakeWheel(**ANN), ann)
    watched.gate.gone(bob)
    assert watched.gate.submit(cmd.Pause(**BOB), bob) is not None
    watched.gate.gone(ann)
    assert watched.gate.submit(cmd.Pause(**BOB), bob) is None
    assert watched.said()[-1] == "the wheel is free: the screen of ann (person) is gone"


def test_a_script_without_a_connection_holds_it_for_a_time(watched: Watched) -> None:
    assert watched.gate.submit(cmd.TakeWheel(seconds=60, **NIGHTLY)) is None
    assert watched.said() == ["nightly (script) took the wheel for 1:00"]
    watched.now = 59.0
    assert "nightly (script) has the wheel for 1.0 s more" in (watched.gate.submit(cmd.Pause(**ANN), object()) or "")
    assert watched.gate.submit(cmd.Pause(**NIGHTLY)) is None
    watched.now = 60.0
    watched.gate.expire()
    assert watched.said()[-1] == "the wheel is free: the time of nightly (script) is over"
    assert watched.gate.submit(cmd.Pause(**ANN), object()) is None
    watched.gate.submit(cmd.TakeWheel(**NIGHTLY))
    assert watched.events[-1].seconds == HELD_SECONDS


def test_a_run_that_is_over_is_told_nothing_more(watched: Watched) -> None:
    ann = object()
    watched.gate.submit(cmd.TakeWheel(**ANN), ann)
    watched.bus.publish("one", ev.RunFinished(reason="completed"))
    watched.events.clear()
    watched.gate.gone(ann)
    assert [event.run for event in watched.events] == ["two"]
    assert watched.bus.states()[0].wheel is None


def test_a_sender_without_a_name_cannot_take_it(watched: Watched) -> None:
    assert "--as NAME" in (watched.gate.submit(cmd.TakeWheel(), object()) or "")
