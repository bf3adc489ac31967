"""Folding events: the same state for the host, the viewer and whoever comes later."""

from __future__ import annotations

import pytest

from tests.support import Bench, tiny
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.state import LOG_LINES, RunState
from tui_trainer.protocol.wire import decode_event, encode_event


@pytest.fixture(scope="module")
def steered() -> Bench:
    bench = Bench(tiny(scheduler={"kind": "cosine"}, training={"layers_every": 5, "norm_every": 1}))
    bench.steps(6)
    bench.control.put(cmd.SetLearningRate(factor=0.5, by="ann"))
    bench.control.put(cmd.Note(text="here", by="ann"))
    bench.control.put(cmd.SetEpochs(add=1))
    bench.finish()
    return bench


def test_a_late_viewer_sees_what_an_early_one_does(steered):
    for cut in range(0, len(steered.events), 7):
        early = RunState()
        for event in steered.events:
            early.apply(event)
        late = RunState()
        for event in steered.events[:cut]:
            late.apply(event)
        late = RunState.model_validate_json(late.model_dump_json())
        for event in steered.events[max(0, cut - 3) :]:  # some come twice: they are known by their number
            late.apply(event)
        assert late.model_dump_json() == early.model_dump_json()


def test_events_survive_the_wire(steered):
    for event in steered.events:
        assert decode_event(encode_event(event)) == event


def test_the_state_says_what_a_screen_needs(steered):
    state = steered.state
    assert (state.status, state.epoch, state.epochs, state.step) == ("finished", 5, 5, 25)
    assert state.total_steps == 25
    assert state.best is not None
    assert [mark.letter for mark in state.marks] == ["l", "n", "E"]
    assert state.marks[0].by == "ann"
    assert state.metrics["val_accuracy"] == steered.of(ev.EpochEnded)[-1].metrics["val_accuracy"]
    assert state.series["grad_norm/hidden1"].count == 5
    assert state.steps_per_second() > 0
    assert state.seconds_left() is None


def test_the_log_is_bounded_and_safe_to_show():
    state = RunState()
    state.apply(ev.Logged(lines=["\x1b[31mred\x1b]52;c;evil\x07", "10%\r20%\r30%", "\u202eabc"] * LOG_LINES))
    assert len(state.log) == LOG_LINES
    text = "".join(line.text for line in state.log)
    assert not any(character < " " for character in text)
    assert "\u202e" not in text
    assert "30%" in text
    assert "10%" not in text
    state.apply(ev.Noted(text="a\x1b[2Jb", cause=cmd.Note(text="x", by="\x1b[5m")))
    assert "\x1b" not in state.log[-1].text + state.marks[-1].text + state.marks[-1].by


def test_unknown_fields_of_a_later_version_are_ignored():
    event = ev.EVENTS.validate_python({"type": "Noted", "text": "hello", "colour": "green"})
    assert isinstance(event, ev.Noted)
