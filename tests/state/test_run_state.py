"""Folding events gives the same state to the host, to a viewer and to a later viewer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.runs.sample_journals import restored_to
from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event
from tui_trainer.state.run_state import LOG_LINES, RunState


@pytest.fixture(scope="module")
def steered() -> TrainerHarness:
    harness = TrainerHarness(tiny_config(scheduler={"kind": "cosine"}, training={"layers_every": 5, "norm_every": 1}))
    harness.steps(6)
    harness.control.put(cmd.SetLearningRate(factor=0.5, by="ann"))
    harness.control.put(cmd.Note(text="here", by="ann"))
    harness.control.put(cmd.SetEpochs(add=1))
    harness.finish()
    return harness


def test_a_late_viewer_sees_what_an_early_one_does(steered):
    for cut in range(0, len(steered.events), 7):
        early = RunState()
        for event in steered.events:
            early.apply(event)
        late = RunState()
        for event in steered.events[:cut]:
            late.apply(event)
        late = RunState.model_validate_json(late.model_dump_json())
        for event in steered.events[max(0, cut - 3) :]:  # some come twice and are recognized by their seq
            late.apply(event)
        assert late.model_dump_json() == early.model_dump_json()


@pytest.mark.parametrize("chunk", [2, 3, 7, 1000])
def test_many_events_at_once_fold_to_the_same_state(steered, chunk):
    by_one, by_many = RunState(), RunState()
    for event in steered.events:
        by_one.apply(event)
    for start in range(0, len(steered.events), chunk):
        by_many.apply(*steered.events[max(0, start - 2) : start + chunk])
    assert by_many.model_dump_json() == by_one.model_dump_json()
    assert list(by_many.series) == list(by_one.series)


NUMBERS = st.one_of(st.floats(-1, 1), st.sampled_from([None, float("nan"), float("inf")]))


@st.composite
def measurements(draw: st.DrawFn) -> ev.AnyEvent:
    """Measurements in any order of steps, and events that end a batch."""
    step = draw(st.integers(0, 60))
    kind = draw(st.sampled_from(["scalars", "scalars", "epoch", "layers", "note", "back"]))
    if kind == "scalars":
        steps = [step + offset for offset in range(draw(st.integers(0, 9)))]
        values = {name: [draw(NUMBERS) for _ in steps] for name in draw(st.sets(st.sampled_from("abv")))}
        lost = {
            name: {index: f"-inf {step}" for index, value in enumerate(column) if value is None}
            for name, column in values.items()
        }
        return ev.Scalars(step=step, steps=steps, seconds=[at / 8 for at in steps], values=values, not_finite=lost)
    if kind == "epoch":
        metrics = {"v": draw(st.floats(-1, 1)), "train_loss": draw(st.one_of(st.none(), st.floats(0, 1)))}
        return ev.EpochEnded(step=step, epoch=step, seconds=step, metrics=metrics)
    if kind == "layers":
        norm = draw(st.one_of(st.none(), st.floats(0, 1)))
        return ev.LayersMeasured(step=step, layers={"one": ev.Layer(grad_norm=norm, dead=draw(st.floats(0, 1)))})
    if kind == "note":
        return ev.Noted(step=step, text="here")
    restored = restored_to(LrPlan.begin(Constant(), 0.1, step=0, end=9, steps_per_epoch=3), step, 0, 3)
    return ev.RolledBack(step=step, to="before", from_epoch=0, restored=restored)


BEFORE = ev.Scalars(step=5, steps=[1, 2, 3, 4, 5], seconds=[0.0] * 5, values={"a": [1, 2, 3, 4, 5]})
TWICE = ev.Scalars(
    step=7, steps=[4, 5, 6, 7], seconds=[0.0] * 4, values={"a": [1, 2, 3, None]}, not_finite={"a": {3: "inf"}}
)


@settings(max_examples=150, deadline=None)
@example([BEFORE, TWICE])
@given(st.lists(measurements(), max_size=30))
def test_any_measurements_fold_equally_together_and_one_by_one(events):
    by_one, together = RunState(), RunState()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui_trainer.state.series.RECENT", 16)
        for event in events:
            by_one.apply(event)
        together.apply(*events)
    assert together.model_dump_json() == by_one.model_dump_json()


def test_events_are_encoded_and_decoded_without_loss(steered):
    for event in steered.events:
        assert decode_event(encode_event(event)) == event


def test_the_state_has_what_a_screen_shows(steered):
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


def test_printed_lines_do_not_push_what_happened_out_of_the_log():
    state = RunState(run="x")
    state.apply(*(ev.Noted(text=f"note {number}", step=number, seq=number + 1) for number in range(130)))
    state.apply(ev.Logged(lines=[f"line {number}" for number in range(2000)], seq=131))
    state.apply(ev.Noted(text="the last", step=131, seq=132))
    texts = [line.text for line in state.log]
    assert len(texts) == LOG_LINES
    notes = [text for text in texts if text.startswith("note:")]
    assert notes == [f"note: note {number}" for number in range(30, 130)] + ["note: the last"]
    assert [text for text in texts if text.startswith("line")][-1] == "line 1999"


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
