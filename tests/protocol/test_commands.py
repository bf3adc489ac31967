"""Commands carry the reason that their sender gave."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.support import TrainerHarness, tiny_config
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.requests import decode_request, encode_request

EVERY = [
    ("pause",), ("resume",), ("step",), ("stop",), ("set-lr", "factor=2"), ("set-scheduler", "kind=cosine"),
    ("set-optimizer", "kind=adam"), ("set-clip", "value=1"), ("set-patience", "patience=3"), ("set-epochs", "add=1"),
    ("validate",), ("save",), ("roll-back",), ("undo",), ("note", "text=here"),
]  # fmt: skip


@pytest.mark.parametrize("words", EVERY, ids=lambda words: words[0])
def test_every_command_takes_a_reason(words):
    command = parse_command(words[0], [*words[1:], "because=the loss is flat"])
    assert command.because == "the loss is flat"
    assert decode_request(encode_request(command)).to_command() == command


def test_a_reason_is_text_on_one_line_without_control_characters():
    assert parse_command("pause", ["because=2026"]).because == "2026"
    reason = cmd.Pause(because=" first\nsecond \x1b[31mred\x07 ").because
    assert reason == "first second \u241b[31mred\u2407"
    assert cmd.Pause(because=reason).because == reason


def test_a_reason_has_a_limit():
    cmd.Pause(because="x" * cmd.MAX_REASON)
    with pytest.raises(ValidationError):
        cmd.Pause(because="x" * (cmd.MAX_REASON + 1))


def test_lines_without_a_reason_are_those_of_earlier_versions():
    assert b"because" not in encode_request(cmd.SetClip(value=1.0, id="it"))
    assert b"because" not in encode_event(ev.Noted(text="here", cause=cmd.Note(text="here")))


def test_an_unknown_key_is_answered_with_keys_that_a_user_may_set():
    with pytest.raises(UserError, match="known: because, factor, optimizer, value"):
        parse_command("set-lr", ["zzz=abc"])


def test_a_reason_is_in_the_journal_the_log_the_mark_and_the_description():
    harness = TrainerHarness(tiny_config())
    harness.steps(2)
    harness.control.put(cmd.SetClip(value=1.0, by="ann", because="norms of 40"))
    harness.steps(1)
    event = harness.of(ev.SettingChanged)[-1]
    line = encode_event(event)
    assert b'"because":"norms of 40"' in line
    assert decode_event(line) == event
    assert describe(event) == "gradient clip 1, was off (ann); because: norms of 40"
    mark = harness.state.marks[-1]
    assert (mark.text, mark.because) == ("gradient clip 1, was off (ann)", "norms of 40")
    assert harness.state.log[-1].text.endswith("; because: norms of 40")


def test_the_reason_of_a_refused_command_is_not_part_of_the_refusal():
    harness = TrainerHarness(tiny_config())
    harness.steps(2)
    harness.control.put(cmd.Resume(because="go"))
    harness.steps(1)
    assert describe(harness.of(ev.Refused)[-1]) == "refused: not paused"
