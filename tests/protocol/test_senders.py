"""Senders of commands: name and kind, on the wire, in the journal and in words."""

from __future__ import annotations

import pytest

from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.requests import decode_request, encode_request
from tui_trainer.state.run_state import RunState

BY_ANN = cmd.SetLearningRate(value=0.01, id="7", by="ann", actor="person", because="flat")


def change(command: cmd.AnyCommand) -> ev.SettingChanged:
    return ev.SettingChanged(seq=1, run="r", name="lr", value=0.01, previous=0.1, step=40, cause=command)


def test_the_kind_of_a_sender_goes_with_its_command_and_into_the_journal() -> None:
    assert decode_request(encode_request(BY_ANN)).to_command() == BY_ANN
    line = encode_event(change(BY_ANN))
    assert decode_event(line).cause == BY_ANN


def test_lines_without_a_kind_are_those_of_earlier_versions() -> None:
    command = BY_ANN.model_copy(update={"actor": ""})
    assert b'"actor"' not in encode_request(command)
    assert b'"actor"' not in encode_event(change(command))


@pytest.mark.parametrize(
    ("by", "actor", "words"),
    [
        ("ann", "person", "learning rate 0.01, was 0.1 by ann (person); because: flat"),
        ("ann@box (pts/3)", "person", "learning rate 0.01, was 0.1 by ann@box (pts/3, person); because: flat"),
        ("nightly", "script", "learning rate 0.01, was 0.1 by nightly (script); because: flat"),
        ("SIGINT", "", "learning rate 0.01, was 0.1 (SIGINT); because: flat"),
        ("", "person", "learning rate 0.01, was 0.1; because: flat"),
    ],
)
def test_the_change_says_by_whom_and_why(by: str, actor: cmd.Actor, words: str) -> None:
    assert describe(change(BY_ANN.model_copy(update={"by": by, "actor": actor}))) == words


def test_the_mark_on_the_charts_names_the_sender_with_its_kind() -> None:
    state = RunState(run="r")
    state.apply(change(BY_ANN))
    assert (state.marks[0].by, state.marks[0].because) == ("ann (person)", "flat")
    assert state.log[-1].text == "learning rate 0.01, was 0.1 by ann (person); because: flat"
