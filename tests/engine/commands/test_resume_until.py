"""Resume up to a step: the run pauses there by itself, and its numbers stay those of a run without a break."""

from __future__ import annotations

import pytest

from tests.engine.commands.test_sequences import CONFIG, EPOCHS, PER_EPOCH, resumed
from tests.support import TrainerHarness
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.history import RunHistory


def held(bench: TrainerHarness) -> int:
    """Train until the run waits, and return the step at which it does."""
    while True:
        before = bench.trainer.state.step
        bench.steps(1)
        if bench.trainer.state.step == before:
            return before


def test_the_run_pauses_at_each_step_it_was_asked_for_and_its_numbers_stay_the_same() -> None:
    plain = TrainerHarness(CONFIG)
    plain.finish()
    bench = TrainerHarness(CONFIG)
    bench.control.put(cmd.Pause(by="lesson"))
    assert held(bench) == 0
    for step in (1, PER_EPOCH, PER_EPOCH + 2):
        bench.control.put(cmd.Resume(until=step, by="lesson"))
        assert held(bench) == step
        assert bench.of(ev.StatusChanged)[-1].status == "paused"
    bench.control.put(cmd.Resume(by="lesson"))
    bench.finish()
    for name in ("train_loss", "grad_norm", "val_loss"):
        assert bench.column(name) == plain.column(name)
    history = RunHistory()
    for event in bench.events:
        history.add(event)
    assert history.interventions == []
    assert bench.state.marks == []


def test_a_resume_without_a_step_drops_the_planned_pause() -> None:
    bench = TrainerHarness(CONFIG)
    bench.steps(2)
    bench.control.put(cmd.Resume(until=5))
    bench.steps(1)
    assert bench.of(ev.Refused) == []
    bench.control.put(cmd.Resume())
    assert bench.finish().step == EPOCHS * PER_EPOCH
    assert bench.of(ev.Refused) == []


@pytest.mark.parametrize("until", [2, 3])
def test_a_step_that_has_been_taken_is_refused(until: int) -> None:
    bench = TrainerHarness(CONFIG)
    bench.steps(3)
    bench.control.put(cmd.Resume(until=until))
    bench.steps(1)
    assert bench.of(ev.Refused)[-1].reason == f"step {until} has been taken: this is step 3"


def test_a_planned_pause_survives_a_cut_and_ends_with_the_run() -> None:
    bench = TrainerHarness(CONFIG)
    bench.steps(1)
    bench.control.put(cmd.Resume(until=4))
    bench.steps(2)
    assert held(resumed(bench)) == 4
    bench.control.put(cmd.Resume(until=EPOCHS * PER_EPOCH + 1))
    assert bench.finish().step == EPOCHS * PER_EPOCH
