"""What is tried in a script's loop is taken back: every later number is that of the loop without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.monitor.conftest import Script, send
from tests.monitor.trying.loops import BATCHES, Loop
from tui_trainer.engine.trying.rate_sweep import Explosion
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.history import first_difference

FIND = cmd.FindRate(id="tried", steps=12, low=1e-4, high=0.3)
TRY = cmd.TryStep(id="tried", rates=(0.001, 0.1))
OPTIMIZERS: dict[str, Any] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.01, amsgrad=True),
    "fused": lambda parameters: torch.optim.AdamW(parameters, lr=torch.tensor(0.01), fused=True),
    "adagrad": lambda parameters: torch.optim.Adagrad(parameters, lr=0.01),
    "rmsprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.01, momentum=0.5, centered=True),
    "rprop": lambda parameters: torch.optim.Rprop(parameters, lr=0.01),
    "asgd": lambda parameters: torch.optim.ASGD(parameters, lr=0.01),
    "adafactor": lambda parameters: torch.optim.Adafactor(parameters, lr=0.01),
}


def tried(runs: Path, sent: list[tuple[int, cmd.AnyCommand]], **given: Any) -> tuple[Loop, list[Any]]:
    """Train with commands on the way, compare with a loop without, and return the loop and the answers."""
    plain = Loop(runs, **given)
    plain.train()
    expected = plain.state()
    loop = Loop(runs, **given)
    loop.train(sent)
    assert first_difference(plain.history(), loop.history()) == ""
    assert loop.state() == expected
    return loop, [event for event in loop.events() if event.cause is not None and event.cause.id == "tried"]


@pytest.mark.parametrize("at", [1, 5, BATCHES - 2])
def test_a_search_for_the_rate(tmp_path: Path, at: int) -> None:
    loop, (found,) = tried(tmp_path, [(at, FIND)])
    if at == BATCHES - 2:  # batches are too few, and an epoch does not begin for a trial
        assert found.reason == "only 2 batches of this epoch are left: ask again in the next one"
        return
    assert found.step == at
    assert found.rates[0] == 1e-4
    assert len(found.rates) == len(found.losses) == found.steps - 1
    kept = loop.handed[at : at + found.steps]
    again = loop.handed[at + found.steps : at + 2 * found.steps]
    assert all(map(torch.equal, kept, again))


def test_a_search_longer_than_the_epoch_uses_its_batches_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Explosion, "exploded", lambda _self, _loss: False)
    _, (found,) = tried(tmp_path, [(3, cmd.FindRate(id="tried", steps=50, low=1e-5, high=1e-3))])
    assert found.steps == 50


@pytest.mark.parametrize("given", [{"every": 2}, {"critic": True}])
def test_accumulation_and_two_optimizers(tmp_path: Path, given: dict[str, Any]) -> None:
    _, answers = tried(tmp_path, [(3, FIND), (5, TRY)], **given)
    assert [answer.type for answer in answers] == ["RateFound", "StepTried"]
    assert all(trial.measured is not None for trial in answers[1].rates)


@pytest.mark.long
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_kind_of_state_that_an_optimizer_has(tmp_path: Path, name: str) -> None:
    _, answers = tried(tmp_path, [(2, FIND), (4, TRY)], optimizer=OPTIMIZERS[name])
    assert [answer.type for answer in answers] == ["RateFound", "StepTried"]


def test_prices_run_nothing(tmp_path: Path) -> None:
    race = cmd.Race(id="tried", settings=("unchanged", "lr=x2"), steps=50, price=True)
    loop, (rate, raced) = tried(tmp_path, [(4, FIND.model_copy(update={"price": True})), (4, race)])
    assert len(loop.handed) == 2 * BATCHES
    batch = 4 * 6 * 4 + 4 * 4
    assert rate.priced
    assert raced.priced
    assert raced.steps == BATCHES - 4  # a race ends with the epoch
    assert rate.bytes - 12 * batch == (raced.bytes - raced.steps * batch) / 2


def test_what_a_trial_cannot_put_back_is_named(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    loop.train([(2, FIND)])
    (line,) = [text for event in loop.events("Logged") for text in event.lines if "counted the tried" in text]
    assert "pending" in line
    assert "self.handed" in line


def test_predicted_and_measured_change(tmp_path: Path) -> None:
    loop = Loop(tmp_path)
    loop.train([(2, cmd.TryStep(id="tried", rates=(1e-5, 1e-4)))])
    (found,) = loop.events("StepTried")
    assert found.samples == 4
    assert found.lr == pytest.approx(loop.series_lr(3))
    for trial in found.rates:
        assert trial.predicted == pytest.approx(trial.measured, rel=0.05, abs=2e-6)
    assert found.rates[1].update == pytest.approx(10 * found.rates[0].update, rel=1e-3)


def test_a_loop_that_is_left_in_a_trial_is_as_it_was_before(script: Script) -> None:
    weights: dict[str, torch.Tensor] = {}
    with script.monitor() as monitor:
        for number, (inputs, targets) in enumerate(monitor.batches(script.loader * 10)):
            monitor.log(loss=script.step(inputs, targets))
            if number == 3:
                weights = {name: value.clone() for name, value in script.model.state_dict().items()}
                send(monitor, FIND)
            if number == 8:
                break
        assert monitor.step_count == 4
    assert all(torch.equal(value, weights[name]) for name, value in script.model.state_dict().items())
    (refused,) = script.events("Refused")
    assert refused["reason"].startswith("the loop was left while it was tried")


def test_loops_that_cannot_be_tried_say_why(script: Script) -> None:
    with script.monitor() as monitor:
        for step in monitor.steps(3):
            script.step(script.inputs, script.targets)
            if step == 1:
                send(monitor, FIND)
    with script.monitor(model=None) as monitor:
        for inputs, targets in monitor.batches(script.loader):
            script.step(inputs, targets)
        refusals = monitor._run.services.refused if monitor._run is not None else {}
    (refused,) = [
        event["reason"]
        for path in script.runs.glob("*/events.jsonl")
        for event in map(json.loads, path.read_text().splitlines())
        if event["type"] == "Refused"
    ]
    assert refused == "the loop does not use monitor.batches, which could hand out the same batches again"
    assert refusals["Race"] == "no model was handed to Monitor"


def test_a_loop_without_a_training_loss_is_put_back(script: Script) -> None:
    with script.monitor() as monitor:
        for number, (inputs, targets) in enumerate(monitor.batches(script.loader * 4)):
            monitor.log(reward=script.step(inputs, targets))
            if number == 1:
                send(monitor, FIND)
        assert monitor.step_count == 20
    (refused,) = script.events("Refused")
    assert refused["reason"].startswith("the loop logs no training loss")
