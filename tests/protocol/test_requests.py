"""Requests: one form for commands that were typed and for commands as objects."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.checksum import BadLine
from tui_trainer.protocol.requests import decode_request, encode_error, encode_request, encode_response

COMMANDS = [
    cmd.Pause(by="x", id="1"),
    cmd.SetLearningRate(value=0.1, run="a"),
    cmd.Stop(when="epoch", run="a", id="2"),
    cmd.SetScheduler(scheduler=Cosine(), base=0.2),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.type)
def test_a_command_object_comes_back_equal_and_asks_for_no_text(command):
    line = encode_request(command)
    request = decode_request(line)
    assert request.to_command() == command
    assert not request.text
    assert json.loads(line)["type"] == "Ask"
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.type)
def test_the_line_of_an_earlier_viewer_is_a_request(command):
    request = decode_request(command.model_dump_json().encode())
    assert request.to_command() == command
    assert not request.text


def test_a_typed_command_is_parsed_and_asks_for_text():
    line = b'{"type":"Ask","id":"7","by":"ann","run":"a","command":"set-lr","values":["value=0.01"]}'
    request = decode_request(line)
    assert request.text
    assert request.to_command() == cmd.SetLearningRate(value=0.01, id="7", by="ann", run="a")


def test_a_typed_command_that_is_invalid_is_explained():
    request = decode_request(b'{"type":"Ask","id":"7","command":"set-lrr"}')
    with pytest.raises(UserError, match="did you mean 'set-lr'"):
        request.to_command()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"command": {"type": "Nothing"}},
        {"command": {"type": "SetLearningRate", "value": -1}},
        {"command": "pause", "id": "x" * 1000},
        {"command": "pause", "colour": "green"},
    ],
)
def test_an_invalid_request_is_a_bad_line(fields):
    with pytest.raises(BadLine, match="invalid request"):
        decode_request(json.dumps({"type": "Ask", **fields}, separators=(",", ":")).encode())


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_with_a_message_and_never_crash(data):
    with pytest.raises(BadLine):
        decode_request(data)
    with pytest.raises(BadLine):
        decode_request(b'{"type":"Ask"' + data)


def test_a_response_holds_code_text_and_event():
    changed = ev.SettingChanged(name="lr", value=0.01, previous=0.1)
    done, refused = (json.loads(encode_response("7", event)) for event in (changed, ev.Refused(reason="not paused")))
    assert (done["type"], done["id"], done["code"]) == ("Answer", "7", 0)
    assert done["text"].startswith("learning rate 0.01")
    assert done["event"]["type"] == "SettingChanged"
    assert (refused["code"], refused["text"]) == (1, "refused: not paused")
    invalid = json.loads(encode_error("7", UserError("send: no command 'x'")))
    assert (invalid["code"], invalid["text"], invalid["event"]) == (2, "send: no command 'x'", None)
