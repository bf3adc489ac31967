"""Changing the optimizer changes the settings that are named, and keeps the others and the averages that fit."""

from __future__ import annotations

import pytest
import torch

from tests.engine.commands.test_undo import record_of
from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.optimizers.first_order import SGD, Adam
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.requests import encode_request
from tui_trainer.runs.history import first_difference

ADAM = {"kind": "adam", "lr": 0.02, "betas": [0.8, 0.99], "weight_decay": 0.01}


def harness_after(steps: int, optimizer: dict[str, object], *words: str, **tables: dict[str, object]) -> TrainerHarness:
    harness = TrainerHarness(tiny_config(optimizer=optimizer, **tables))
    harness.steps(steps)
    harness.control.put(parse_command("set-optimizer", words).model_copy(update={"id": "it"}))
    harness.steps(1)
    return harness


def averages(harness: TrainerHarness, name: str) -> list[torch.Tensor]:
    states = harness.trainer.services.optimizer.torch_optimizer.state.values()
    return [state[name].clone() for state in states]


def test_settings_that_are_not_named_stay():
    harness = harness_after(6, ADAM, "kind=adam", "eps=1e-6")
    optimizer = harness.trainer.services.optimizer.description
    assert optimizer == Adam(lr=0.02, betas=(0.8, 0.99), weight_decay=0.01, eps=1e-6)
    assert harness.of(ev.OptimizerChanged)[-1].averages == "kept"


def test_the_rate_in_force_stays_unless_it_is_named():
    for words, rate in (((), 0.005), (("lr=0.1",), 0.1)):
        harness = TrainerHarness(tiny_config(optimizer=ADAM))
        harness.steps(3)
        harness.control.put(cmd.SetLearningRate(value=0.005))
        harness.control.put(parse_command("set-optimizer", ["kind=adam", "eps=1e-6", *words]))
        harness.steps(1)
        assert harness.of(ev.OptimizerChanged)[-1].lr == rate
        harness.flush()
        assert harness.column("lr")[4] == rate


def test_another_kind_keeps_rate_and_weight_decay_and_takes_its_own_defaults_for_the_rest():
    harness = harness_after(6, ADAM, "kind=sgd", "momentum=0.9")
    assert harness.trainer.services.optimizer.description == SGD(lr=0.02, weight_decay=0.01, momentum=0.9)
    event = harness.of(ev.OptimizerChanged)[-1]
    assert event.averages == "reset"
    assert (describe(event) or "").endswith("; averages reset")


@pytest.mark.parametrize("kind", ["adamw", "nadam", "radam"])
def test_the_kinds_of_adam_share_settings_and_averages(kind):
    plain = TrainerHarness(tiny_config(optimizer=ADAM))
    plain.steps(6)
    before = averages(plain, "exp_avg"), averages(plain, "exp_avg_sq")
    harness = harness_after(6, ADAM, f"kind={kind}")
    description = harness.trainer.services.optimizer.description
    assert (description.kind, description.lr, description.betas, description.weight_decay) == (
        kind, 0.02, (0.8, 0.99), 0.01,
    )  # fmt: skip
    assert harness.of(ev.OptimizerChanged)[-1].averages == "kept"
    for name, kept, decay in (("exp_avg", before[0], 0.8), ("exp_avg_sq", before[1], 0.99)):
        for now, then in zip(averages(harness, name), kept, strict=True):
            assert (now - decay * then).abs().max() < (now.abs().max() + 1e-12)
            assert not torch.equal(now, torch.zeros_like(now))
    states = harness.trainer.services.optimizer.torch_optimizer.state.values()
    assert {float(state["step"]) for state in states} == {7.0}


def test_momentum_stays_when_nesterov_is_turned_on():
    sgd = {"kind": "sgd", "lr": 0.05, "momentum": 0.9}
    plain = TrainerHarness(tiny_config(optimizer=sgd))
    plain.steps(5)
    kept = averages(plain, "momentum_buffer")
    harness = TrainerHarness(tiny_config(optimizer=sgd))
    harness.steps(5)
    harness.control.put(parse_command("set-optimizer", ["kind=sgd", "nesterov=true"]))
    harness.control.put(cmd.Pause())
    harness.steps(1)
    assert harness.trainer.services.optimizer.description == SGD(lr=0.05, momentum=0.9, nesterov=True)
    assert all(torch.equal(now, then) for now, then in zip(averages(harness, "momentum_buffer"), kept, strict=True))


def test_naming_only_the_rate_is_as_setting_the_rate():
    one = harness_after(6, ADAM, "kind=adam", "lr=0.01")
    one.finish()
    other = TrainerHarness(tiny_config(optimizer=ADAM))
    other.steps(6)
    other.control.put(cmd.SetLearningRate(value=0.01))
    other.finish()
    assert first_difference(record_of(one), record_of(other)) == ""


@pytest.mark.parametrize("words", [("kind=adam", "eps=1e-6"), ("kind=nadam",), ("kind=sgd", "momentum=0.5")])
def test_a_change_is_replayed_to_the_bit(words):
    harness = harness_after(7, ADAM, *words, scheduler={"kind": "cosine"})
    harness.finish()
    again = TrainerHarness(tiny_config(optimizer=ADAM, scheduler={"kind": "cosine"}))
    again.trainer.follow(record_of(harness).interventions)
    again.finish()
    assert first_difference(record_of(harness), record_of(again)) == ""


def test_a_command_of_an_earlier_version_sets_everything_and_starts_with_an_empty_state():
    line = '{"type":"SetOptimizer","optimizer":{"kind":"adam","lr":0.02}}'
    command = cmd.COMMANDS.validate_json(line)
    assert b"named" not in encode_request(command)
    harness = TrainerHarness(tiny_config(optimizer=ADAM))
    harness.steps(6)
    harness.control.put(command)
    harness.steps(1)
    assert harness.trainer.services.optimizer.description == Adam(lr=0.02)
    assert harness.of(ev.OptimizerChanged)[-1].averages == "reset"
    states = harness.trainer.services.optimizer.torch_optimizer.state.values()
    assert {float(state["step"]) for state in states} == {1.0}


@pytest.mark.parametrize(
    ("before", "words", "averages"),
    [
        ({"kind": "sgd", "lr": 0.05}, ("kind=adagrad",), ""),
        ({"kind": "sgd", "lr": 0.05, "momentum": 0.9}, ("kind=adagrad",), "reset"),
        ({"kind": "sgd", "lr": 0.05, "momentum": 0.9}, ("kind=sgd", "momentum=0"), "reset"),
        ({"kind": "adagrad", "lr": 0.05}, ("kind=adagrad", "eps_inside=true"), "kept"),
        ({"kind": "muon", "lr": 0.02}, ("kind=adamw",), "partly kept"),
        ({"kind": "rmsprop", "lr": 0.01}, ("kind=rmsprop", "momentum=0.5"), "kept"),
    ],
)
def test_the_event_says_what_became_of_the_averages(before, words, averages):
    harness = harness_after(6, before, *words)
    assert harness.of(ev.OptimizerChanged)[-1].averages == averages
    assert harness.finish().reason == "completed"
