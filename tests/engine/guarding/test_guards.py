"""Guards in a run: they fire, are undone, replayed and resumed to the bit, and never loop."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.guards.preset_guard import PresetGuard
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.errors import UserError
from tui_trainer.guards.dry_run import SeriesColumn, dry_run, measurements
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.comparing.interventions import commands_by_step
from tui_trainer.runs.history import RunHistory, first_difference
from tui_trainer.runs.run_dir import Owner, RunDir

CONFIG = tiny_config(
    model={"hidden": [8, 8], "dropout": 0.3, "norm": "batch"},
    optimizer={"kind": "adam", "lr": 0.02},
    training={"epochs": 6, "norm_every": 4},
)


def guarded(config: RunConfig, *rules: str) -> RunConfig:
    return config.model_copy(update={"guards": tuple(PresetGuard(rule=rule) for rule in rules)})


def run_dir(path: Any) -> RunDir:
    made = RunDir(path)
    made.create("", {}, Owner(1, "here", ""))
    return made


def poison(bench: TrainerHarness, *steps: int, factor: float = math.nan) -> None:
    """Multiply loss and gradients of the batches after these steps."""
    setup, state = bench.trainer.services.setup, bench.trainer.state
    passes = setup.forward_backward

    def poisoned(inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, outputs = passes(inputs, targets)
        if state.step in steps:
            for parameter in setup.parameters:
                assert parameter.grad is not None
                parameter.grad.mul_(factor)
            with torch.no_grad():
                for buffer in setup.model.buffers():
                    if buffer.is_floating_point():
                        buffer.mul_(factor)
            loss = loss * factor
        return loss, outputs

    setup.forward_backward = poisoned


def record_of(bench: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in bench.events:
        record.add(event)
    return record


def finite(points: Iterable[tuple[int, float | None]]) -> list[tuple[int, float]]:
    return [(step, math.nan if value is None else value) for step, value in points]


def tensors(bench: TrainerHarness) -> list[torch.Tensor]:
    services = bench.trainer.services
    moments = [
        value.clone()
        for state in services.optimizer.torch_optimizer.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor)
    ]
    return [value.detach().clone() for value in services.setup.model.state_dict().values()] + moments


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def commands_of(bench: TrainerHarness) -> list[tuple[int, str]]:
    return [
        (event.step, event.cause.type)
        for event in bench.events
        if event.cause is not None and event.cause.by == "guard" and not isinstance(event, ev.RunFinished)
    ]


def test_a_step_with_bad_gradients_leaves_no_trace() -> None:
    bench = TrainerHarness(guarded(CONFIG, "when grad_norm is not finite: skip the step"))
    poison(bench, 7)
    bench.steps(7)
    before = tensors(bench)
    bench.steps(1)
    assert equal(tensors(bench), before)
    assert bench.trainer.state.step == 8
    skipped = bench.of(ev.StepSkipped)
    assert [(event.step, event.epoch, event.batch) for event in skipped] == [(7, 2, 3)]
    split = bench.trainer.services.setup
    order = split.batches.order(1)
    assert order is not None
    assert list(skipped[0].samples) == order[40:60].tolist()
    assert skipped[0].cause is not None
    assert skipped[0].cause.because == "when grad_norm is not finite: skip the step: grad_norm NaN"
    assert bench.finish().reason == "completed"
    bench.flush()
    assert bench.column("train_loss")[8] is None
    assert all(math.isfinite(event.metrics["train_loss"] or math.nan) for event in bench.of(ev.EpochEnded))
    assert not bench.of(ev.LossBroke)


def test_a_skip_by_a_guard_is_the_command_to_skip() -> None:
    by_guard = TrainerHarness(guarded(CONFIG, "when grad_norm is not finite: skip the step"))
    poison(by_guard, 7, 12)
    by_guard.finish()
    asked = TrainerHarness(CONFIG)
    poison(asked, 7, 12)
    for step in (7, 12):
        asked.steps(step - asked.trainer.state.step)
        asked.control.put(cmd.SkipStep(id=str(step)))
    asked.finish()
    assert first_difference(record_of(by_guard), record_of(asked)) == ""
    assert equal(tensors(by_guard), tensors(asked))


def test_an_undone_skip_disarms_its_guard_and_takes_the_step() -> None:
    config = guarded(CONFIG, "when loss > 10: skip the step")
    bench = TrainerHarness(config)
    poison(bench, 7, factor=1000.0)
    bench.steps(9)
    assert commands_of(bench) == [(7, "SkipStep")]
    bench.control.put(cmd.Undo(id="u"))
    bench.finish()
    plain = TrainerHarness(CONFIG)
    poison(plain, 7, factor=1000.0)
    plain.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    assert equal(tensors(plain), tensors(bench))
    guard = bench.state.guards[0]
    assert (guard.on, guard.why_off) == (False, "its firing was undone")


def test_a_step_that_is_redone_is_skipped_again_and_the_guard_armed() -> None:
    bench = TrainerHarness(guarded(CONFIG, "when loss > 10: skip the step"))
    poison(bench, 7, factor=1000.0)
    whole = TrainerHarness(guarded(CONFIG, "when loss > 10: skip the step"))
    poison(whole, 7, factor=1000.0)
    whole.finish()
    bench.steps(9)
    bench.control.put(cmd.Undo(id="u"))
    bench.steps(3)
    bench.control.put(cmd.Redo(id="r"))
    bench.finish()
    assert first_difference(record_of(whole), record_of(bench)) == ""
    assert bench.state.guards[0].on


def test_ten_skips_in_a_row_stop_the_run() -> None:
    bench = TrainerHarness(guarded(CONFIG, "when grad_norm is not finite: skip the step"))
    poison(bench, *range(8, 30))
    finished = bench.finish()
    assert finished.reason == "stopped"
    assert finished.step == 18
    assert [step for step, kind in commands_of(bench) if kind == "SkipStep"] == list(range(8, 18))
    assert all(torch.isfinite(value.float()).all() for value in tensors(bench))


RESCUE = "when loss > 5 x its median of 6 steps: roll back 4 steps, lr x0.5, cool-down 3 steps, at most 2 times"


@pytest.mark.parametrize("at", [8, 9, 10, 14])
def test_a_loss_that_breaks_is_taken_back(at: int, tmp_path: Path) -> None:
    bench = TrainerHarness(guarded(CONFIG, RESCUE), run_dir(tmp_path / "run"))
    poison(bench, at)
    kept: dict[int, list[torch.Tensor]] = {}
    while bench.trainer.state.step < at:
        bench.steps(1)
        kept[bench.trainer.state.step] = list(bench.trainer.services.setup.model.parameters())
        kept[bench.trainer.state.step] = [value.detach().clone() for value in kept[bench.trainer.state.step]]
    finished = bench.finish()
    assert finished.reason == "completed"
    back = bench.of(ev.RolledBack)[0]
    assert back.step == at + 1
    assert back.saved_at is not None
    assert 4 <= back.step - back.saved_at <= 5  # a copy every second step
    assert bench.of(ev.SettingChanged)[0].value == pytest.approx(0.01)
    assert bench.trainer.services.first_broken() is None
    copies = bench.trainer.state.guards.copies[4].copies
    assert len(copies) <= 3
    assert all(b.step - a.step >= 2 for a, b in pairwise(copies))


def test_an_undone_roll_back_is_as_if_it_had_not_been() -> None:
    bench = TrainerHarness(guarded(CONFIG, RESCUE))
    poison(bench, 9, factor=100.0)
    bench.steps(13)
    assert commands_of(bench) == [(10, "RollBack"), (10, "SetLearningRate")]
    bench.control.put(cmd.Undo(id="u"))
    bench.finish()
    plain = TrainerHarness(CONFIG)
    poison(plain, 9, factor=100.0)
    plain.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    assert equal(tensors(plain), tensors(bench))


def test_the_last_resort_stops_and_saves(tmp_path: Path) -> None:
    folder = run_dir(tmp_path / "run")
    rule = "when loss > 0: roll back 2 steps, at most 3 times, cool-down 2 steps"
    bench = TrainerHarness(guarded(tiny_config(training={"epochs": 50}), rule), folder)
    finished = bench.finish()
    assert finished.reason == "stopped"
    assert len(bench.of(ev.RolledBack)) == 3
    assert finished.cause is not None
    assert "3 firings used up" in finished.cause.because
    assert (folder.checkpoints / "last.safetensors").exists()


def replayed(config: RunConfig, bench: TrainerHarness, folder: RunDir, poisoned: tuple[int, ...]) -> TrainerHarness:
    again = TrainerHarness(config, folder)
    again.trainer.repeat(commands_by_step(record_of(bench)))
    poison(again, *poisoned)
    again.finish()
    return again


def resumed(config: RunConfig, cut: int, poisoned: tuple[int, ...]) -> tuple[TrainerHarness, TrainerHarness]:
    first = TrainerHarness(config)
    poison(first, *poisoned)
    first.steps(cut)
    first.flush()
    data = bytearray(serialise(first.state_dict() | {"journal": {"bytes": 0}}))
    torch.manual_seed(987)
    second = TrainerHarness(config)
    second.load_state_dict(parse(data, "x"))
    second.trainer.state.best_weights = first.trainer.state.best_weights
    poison(second, *poisoned)
    second.finish()
    return first, second


RULES = (
    "when loss > 1.2 x its median of 5 steps: lr x0.7, cool-down 4 steps, at most 6 times",
    "when grad_norm > 0.5: lr x0.9, cool-down 3 steps",
    "when grad_norm is not finite: skip the step",
    "when loss > 5 x its median of 6 steps: roll back 4 steps, lr x0.5, cool-down 3 steps",
    "when loss is not finite: roll back 3 steps, at most 9 times, cool-down 1 step",
    "when val_loss rises 1 epoch: lr x0.5",
    "when loss rises 1 epoch: clip = 0.5, at most 1 time",
    'when lr < 0.015 and epoch >= 2: note "low", lr = 0.02, at most 2 times',
    "when val_accuracy has no new high for 2 epochs: roll back to best, cool-down 2 epochs",
)


@pytest.mark.parametrize("seed", range(8))
def test_random_guards_replay_and_resume_to_the_bit(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    config = guarded(CONFIG, *rng.sample(RULES, k=rng.randint(2, 5)), RULES[4])
    poisoned = tuple(rng.sample(range(6, 28), k=2))
    whole = TrainerHarness(config, run_dir(tmp_path / "whole"))
    poison(whole, *poisoned)
    assert whole.finish().reason in ("completed", "stopped")
    assert commands_of(whole)
    again = replayed(config, whole, run_dir(tmp_path / "again"), poisoned)
    assert first_difference(record_of(whole), record_of(again)) == ""
    assert equal(tensors(whole), tensors(again))
    cut = rng.randint(1, 28)
    if cut < whole.of(ev.RunFinished)[-1].step:
        first, second = resumed(config, cut, poisoned)
        assert first.column("train_loss") | second.column("train_loss") == whole.column("train_loss")
        assert commands_of(first) + commands_of(second) == commands_of(whole)
        assert equal(tensors(whole), tensors(second))


@pytest.mark.parametrize("seed", range(6))
def test_a_dry_run_on_the_record_has_the_firings_of_the_live_run(seed: int) -> None:
    rng = random.Random(seed)
    conditions = [
        "loss > 1.1 x its median of 5 steps", "loss rises 2 steps", "loss has no new low for 4 steps",
        "val_loss rises 1 epoch", "loss falls 2 epochs", "val_accuracy has no new high for 2 epochs", "step > 11",
    ]  # fmt: skip
    rule = f'when {" and ".join(rng.sample(conditions, k=rng.randint(1, 2)))}: note "here", cool-down 2 steps'
    config = tiny_config(optimizer={"kind": "sgd", "lr": 2.0}, training={"epochs": 8, "seed": seed})
    bench = TrainerHarness(guarded(config, rule))
    bench.finish()
    ends = bench.of(ev.EpochEnded)
    columns = [SeriesColumn("train_loss", "steps", finite(bench.column("train_loss").items()))]
    columns += [
        SeriesColumn(name, "epochs", finite((event.step, event.metrics[name]) for event in ends))
        for name in ("train_loss", "val_loss", "val_accuracy")
    ]
    expected = [firing.step for firing in dry_run(parse_rule(rule), measurements(columns, 5))]
    assert [event.step for event in bench.of(ev.Noted)] == expected


def test_without_guards_the_loop_looks_at_nothing() -> None:
    bench = TrainerHarness(CONFIG)
    guards = bench.trainer.state.guards
    assert (guards.on_steps, guards.on_epochs, guards.skipping, guards.needs_norm) == (False, False, (), False)
    plain = TrainerHarness(guarded(CONFIG, 'when loss > 1e9: note "never"', "when grad_norm > 1e9: skip the step"))
    bench.finish()
    plain.finish()
    assert first_difference(record_of(bench), record_of(plain)) == ""
    assert equal(tensors(bench), tensors(plain))


def test_guards_are_set_switched_and_removed() -> None:
    bench = TrainerHarness(CONFIG)
    bench.steps(2)
    bench.control.put(cmd.SetGuard(id="1", rule="when loss > 1e9: roll back 4 steps"))
    bench.control.put(cmd.SetGuard(id="2", rule="when loss > 1e9: pause", name="mine", on=False))
    bench.steps(1)
    guards = {guard.name: guard for guard in bench.state.guards}
    assert guards["guard-1"].on
    assert guards["guard-1"].bytes > 0
    assert not guards["mine"].on
    assert [copy.step for copy in bench.trainer.state.guards.copies[4].copies] == [2]
    for command in (cmd.SetGuard(id="3", name="mine"), cmd.RemoveGuard(id="4", name="guard-1"), cmd.ShowGuards(id="5")):
        bench.control.put(command)
    bench.steps(1)
    assert [(guard.name, guard.on) for guard in bench.state.guards] == [("mine", True)]
    assert not bench.trainer.state.guards.copies
    bench.control.put(cmd.SetGuard(id="6", name="mine"))
    bench.control.put(cmd.RemoveGuard(id="7", name="mina"))
    bench.control.put(cmd.SetGuard(id="8", rule="when loss > 1: weight_dekay x2"))
    bench.control.put(cmd.RollBack(id="9", steps=50))
    bench.steps(1)
    reasons = [event.reason for event in bench.of(ev.Refused)]
    assert reasons[0] == "guard mine is armed already"
    assert reasons[1] == "no guard 'mina'; did you mean 'mine'?"
    assert reasons[2] == "no knob 'weight_dekay' to set; did you mean 'weight_decay'?"
    assert "arm a guard that rolls back so far" in reasons[3]


def test_a_rule_that_the_optimizer_cannot_follow_is_refused_before_the_run() -> None:
    config = tiny_config(optimizer={"kind": "lbfgs"})
    with pytest.raises(UserError, match=r"guards\.0\.rule.*several gradients"):
        TrainerHarness(guarded(config, "when loss > 1: skip the step"))
    with pytest.raises(UserError, match="no knob 'dropuot' to set; did you mean 'dropout'"):
        TrainerHarness(guarded(CONFIG, "when loss > 1: dropuot = 0.1"))


def test_a_finding_fires_a_guard() -> None:
    config = tiny_config(
        optimizer={"kind": "sgd", "lr": 30.0}, training={"epochs": 8}, model={"hidden": [64, 64], "activation": "tanh"}
    )
    bench = TrainerHarness(guarded(config, "when finding DIVERGE: lr x0.01, at most 1 time"))
    bench.finish()
    found = [event for event in bench.of(ev.Diagnosed) if event.finding == "DIVERGE" and event.active]
    assert found
    changed = bench.of(ev.SettingChanged)
    assert [event.step for event in changed] == [found[0].step]


def test_a_guard_pauses_and_the_run_goes_on() -> None:
    bench = TrainerHarness(guarded(CONFIG, "when step >= 3: pause, at most 1 time"))
    bench.steps(6)
    assert bench.trainer.state.paused
    assert bench.trainer.state.step == 3
    bench.control.put(cmd.Resume(id="go"))
    assert bench.finish().reason == "completed"
