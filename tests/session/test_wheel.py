"""The wheel of a live host, between two viewers and a script."""

from __future__ import annotations

from pathlib import Path

from tests.session.conftest import Running, SessionClient
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.journal import read_events
from tui_trainer.session.request import Response, request


class Named:
    """A viewer with a name."""

    def __init__(self, client: SessionClient, by: str) -> None:
        self.client, self._by = client, by

    def ask(self, command: cmd.AnyCommand) -> ev.Event:
        self.client.session.send(
            command := command.model_copy(update={"id": f"{self._by}{id(command)}", "by": self._by, "actor": "person"})
        )
        found = self.client.until(
            lambda: [m for m in self.client.messages if isinstance(m, ev.Event) and m.cause == command], "the answer"
        )
        assert isinstance(found, list)
        return found[0]  # pyright: ignore[reportUnknownVariableType]


def script(running: Running, *words: str) -> Response:
    (answer,) = (
        message
        for message in request(
            Path(running.spec.socket), words[0], words[1:], by="nightly", actor="script", run="*", timeout=120
        )
        if isinstance(message, Response)
    )
    return answer


def test_two_viewers_and_a_script_at_one_wheel(running: Running) -> None:
    ann, bob = Named(running.watcher, "ann"), Named(running.join(), "bob")
    assert isinstance(bob.ask(cmd.SetClip(value=1.0)), ev.SettingChanged)
    assert isinstance(ann.ask(cmd.TakeWheel()), ev.WheelChanged)
    bob.client.until(lambda: bob.client.state.wheel is not None and bob.client.state.wheel.holder == "ann")
    refused = bob.ask(cmd.SetClip(value=2.0))
    assert isinstance(refused, ev.Refused)
    assert refused.reason.startswith("ann (person) has the wheel; take it with @")
    answer = script(running, "set-clip", "value=3")
    assert answer.code == 1
    assert "ann (person) has the wheel" in answer.text
    assert script(running, "take-wheel", "seconds=60").text == (
        "nightly (script) took the wheel from ann (person) for 1:00"
    )
    assert script(running, "set-clip", "value=3", 'because="the norms"').code == 0
    assert isinstance(ann.ask(cmd.SetClip(value=4.0)), ev.Refused)
    assert script(running, "give-wheel").text == "the wheel is free: nightly (script) gave it"
    assert isinstance(bob.ask(cmd.TakeWheel()), ev.WheelChanged)
    bob.client.session.close()
    ann.client.until(lambda: ann.client.state.wheel is None, "the wheel to be free")
    assert isinstance(ann.ask(cmd.SetClip(value=5.0)), ev.SettingChanged)
    written = [event for event in read_events(running.folder / "events.jsonl") if event.cause or event.type[:1] == "W"]
    assert [
        (event.type, event.cause.by, event.cause.actor, event.cause.because) if event.cause else (event.type,)
        for event in written
    ] == [
        ("SettingChanged", "bob", "person", ""),
        ("WheelChanged", "ann", "person", ""),
        ("WheelChanged", "nightly", "script", ""),
        ("SettingChanged", "nightly", "script", "the norms"),
        ("WheelChanged", "nightly", "script", ""),
        ("WheelChanged", "bob", "person", ""),
        ("WheelChanged",),
        ("SettingChanged", "ann", "person", ""),
    ]
