"""A roll-back restores weights and state and never settings: for every optimizer, its options, and pairs of kinds."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import Owner, RunDir

OPTIMIZERS: TypeAdapter[AnyOptimizer] = TypeAdapter(AnyOptimizer)

MODEL = {"kind": "mlp", "hidden": [3]}
DATA = {"samples": 30, "batch_size": 6}
"""Four batches an epoch."""
TEXT: dict[str, Any] = {
    "model": {"kind": "transformer", "layers": 1, "heads": 1, "width": 4, "sparse_embedding": True},
}

OTHER: dict[str, list[dict[str, Any]]] = {
    "sgd": [
        {"momentum": 0.9},
        {"momentum": 0.5, "nesterov": True},
        {"momentum": 0.9, "dampening": 0.3},
        {"weight_decay": 0.1},
    ],
    "adam": [
        {"betas": [0.5, 0.9]},
        {"amsgrad": True},
        {"decoupled_weight_decay": True, "weight_decay": 0.1},
        {"bias_correction": False},
        {"bias_correction": False, "amsgrad": True},
    ],
    "adamw": [{"weight_decay": 0.3}, {"amsgrad": True}],
    "nadam": [{"momentum_decay": 0.1}, {"decoupled_weight_decay": True}],
    "radam": [{"betas": [0.5, 0.9]}],
    "adamax": [{"eps": 1e-3}],
    "adagrad": [{"eps_inside": True}, {"lr_decay": 0.1}, {"initial_accumulator_value": 0.5}],
    "rmsprop": [{"momentum": 0.5}, {"centered": True}, {"momentum": 0.9, "centered": True}],
    "adadelta": [{"rho": 0.5}],
    "adafactor": [{"d": 2.0}, {"beta2_decay": -0.5}],
    "asgd": [{"lambd": 0.1}, {"t0": 2.0}, {"alpha": 0.5}],
    "rprop": [{"etas": [0.3, 1.5]}, {"step_sizes": [1e-4, 1.0]}],
    "lbfgs": [
        {"line_search_fn": "strong_wolfe"},
        {"history_size": 2},
        {"history_size": 200},
        {"history_size": 5, "max_iter": 3},
    ],
    "steepest-descent": [{"lr": 0.5}],
    "newton": [{"damping": 0.5}],
    "bfgs": [{"lr": 0.5}],
    "muon": [{"nesterov": False}, {"momentum": 0.5}, {"other_lr": 0.01}, {"lr": 0.01}],
    "sparse-adam": [{"eps": 1e-4}, {"other_lr": 0.01}],
}
"""Settings that differ from the defaults, for every kind."""

SETTINGS = [
    (kind, before, after)
    for kind, several in OTHER.items()
    for options in several
    for before, after in (({}, options), (options, {}))
]


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("text") / "words.txt"
    file.write_text("abcad bcdab cabdc " * 8)
    return str(file)


def config(optimizer: dict[str, Any], text: str = "", sparse: bool = False) -> RunConfig:
    if optimizer["kind"] != "sparse-adam" and not sparse:
        return tiny_config(optimizer=optimizer, model=MODEL, data=DATA)
    return tiny_config(optimizer=optimizer, data={"kind": "text", "path": text, "context": 4, "batch_size": 7}, **TEXT)


def settings(bench: TrainerHarness) -> list[dict[str, Any]]:
    groups = bench.trainer.services.optimizer.torch_optimizer.param_groups
    return [{name: value for name, value in group.items() if name != "params"} for group in groups]


def states(bench: TrainerHarness) -> list[dict[str, Any]]:
    """The state of each parameter, in the order of the model."""
    optimizer = bench.trainer.services.optimizer.torch_optimizer
    members = getattr(optimizer, "members", (optimizer,))
    return [
        next((dict(copied(member.state[p])) for member in members if p in member.state), {})
        for p in bench.trainer.services.setup.parameters
    ]


def rolled_back(
    first: dict[str, Any], second: dict[str, Any], text: str = "", sparse: bool = False
) -> tuple[TrainerHarness, list[Any], list[Any]]:
    """A run that swapped its optimizer and rolled back, the state at the save and the state now."""
    bench = TrainerHarness(config(first, text, sparse))
    bench.steps(bench.trainer.services.steps_per_epoch)
    saved = states(bench)
    bench.steps(1)
    weights = bench.trainer.state.best_weights
    assert weights is not None
    bench.control.put(cmd.SetOptimizer(optimizer=OPTIMIZERS.validate_python(second)))
    bench.steps(2)
    before = settings(bench)
    # A pause keeps the run between two batches, so that the state is seen before a step changes it.
    bench.control.put(cmd.RollBack(to="best"))
    bench.control.put(cmd.Pause())
    next(bench._run)
    assert bench.of(ev.RolledBack)
    assert settings(bench) == before
    model = bench.trainer.services.setup.model.state_dict()
    assert all(torch.equal(value, weights["model"][name]) for name, value in model.items())
    return bench, saved, states(bench)


def goes_on(bench: TrainerHarness) -> None:
    before = settings(bench)
    bench.control.put(cmd.Resume())
    bench.steps(2)
    assert settings(bench) == before


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor) or isinstance(other, torch.Tensor):
        return torch.allclose(torch.as_tensor(one).double(), torch.as_tensor(other).double(), rtol=1e-6)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(equal(*each) for each in zip(one, other, strict=True))
    return one == other


def test_every_optimizer_is_here():
    assert set(OTHER) == set(choices(AnyOptimizer)) - {"import"}


REFERENCE = {"m": "exp_avg", "s": "exp_avg_sq", "largest": "max_exp_avg_sq"}
FROM_SETTINGS = {"eta", "mu", "al"}
"""Entries that follow from the settings in force."""


@pytest.mark.parametrize(("kind", "before", "after"), SETTINGS)
def test_state_that_fits_is_taken_and_settings_stay(
    kind: str, before: dict[str, Any], after: dict[str, Any], text: str
):
    bench, saved, now = rolled_back({"kind": kind, **before}, {"kind": kind, **after}, text)
    assert not [line for event in bench.of(ev.Logged) for line in event.lines if "empty state" in line]
    for was, has in zip(saved, now, strict=True):
        was = {REFERENCE.get(name, name): value for name, value in was.items()}
        has = {REFERENCE.get(name, name): value for name, value in has.items()}
        for name in (was.keys() & has.keys()) - FROM_SETTINGS:
            newest = has[name] if not isinstance(has[name], list) else was[name][-len(has[name]) :]
            assert equal(newest, has[name] if isinstance(has[name], list) else was[name]), name
        assert was.keys() - has.keys() <= {"momentum_buffer", "max_exp_avg_sq", "grad_avg"}
        for name in has.keys() - was.keys():
            assert name in ("max_exp_avg_sq", "grad_avg", "momentum_buffer")
            assert not has[name].any(), "as torch makes it before the first step"
    goes_on(bench)


KINDS = [{"kind": kind} for kind in OTHER if kind not in ("sparse-adam", "lbfgs")]
KINDS += [{"kind": "lbfgs", "max_iter": 3}, {"kind": "sgd", "momentum": 0.9}]
ADAMS = {"adam", "adamw", "radam", "nadam"}


def _pairs() -> list[Any]:
    """Return every pair of different kinds. Two thirds are marked long; each kind is first and second in the others."""
    return [
        pytest.param(
            first,
            second,
            id="-".join(map(str, (*first.values(), "to", *second.values()))),
            marks=[pytest.mark.long] if (i + j) % 3 else [],
        )
        for i, first in enumerate(KINDS)
        for j, second in enumerate(KINDS)
        if first != second
    ]


@pytest.mark.parametrize(("first", "second"), _pairs())
def test_every_pair_of_kinds_rolls_back(first: dict[str, Any], second: dict[str, Any]):
    bench, saved, now = rolled_back(first, second)
    said = [line for event in bench.of(ev.Logged) for line in event.lines if "empty state" in line]
    kinds = {first["kind"], second["kind"]}
    stateless = second in ({"kind": "sgd"}, {"kind": "newton"}, {"kind": "steepest-descent"})
    if kinds <= ADAMS:
        assert not said
        for was, has in zip(saved, now, strict=True):
            assert all(equal(was[name], has[name]) for name in ("step", "exp_avg", "exp_avg_sq"))
    elif kinds == {"sgd"} or stateless:
        assert not said
    elif "muon" in kinds and kinds & ADAMS:
        assert "for 2 of 4 parameters" in said[0]  # the vectors are stepped by AdamW in both
    else:
        assert second["kind"] in said[0]
        assert all(not any(torch.as_tensor(one).any() for one in each.values()) for each in now)
    goes_on(bench)


@pytest.mark.parametrize("backwards", [False, True])
def test_the_other_kind_that_takes_sparse_gradients_rolls_back(backwards: bool, text: str):
    first, second = {"kind": "sparse-adam"}, {"kind": "sgd"}
    if backwards:
        first, second = second, first
    bench, _, now = rolled_back(first, second, text, sparse=True)
    said = [line for event in bench.of(ev.Logged) for line in event.lines if "empty state" in line]
    assert bool(said) == (second != {"kind": "sgd"}), said
    assert all(not any(torch.as_tensor(one).any() for one in each.values()) for each in now)
    goes_on(bench)


def test_nadam_continues_the_momentum_schedule_of_another_adam():
    _, _, now = rolled_back({"kind": "adam"}, {"kind": "nadam"})
    expected = math.prod(0.9 * (1 - 0.5 * 0.96 ** (count * 4e-3)) for count in range(1, 5))
    assert float(now[0]["mu_product"]) == pytest.approx(expected, rel=1e-6)


def test_the_step_size_of_asgd_follows_the_rate_in_force():
    bench = TrainerHarness(config({"kind": "asgd", "lr": 0.1}))
    bench.steps(5)
    bench.control.put(cmd.SetLearningRate(value=0.001))
    bench.control.put(cmd.RollBack(to="best"))
    bench.control.put(cmd.Pause())
    next(bench._run)
    assert float(states(bench)[0]["eta"]) == pytest.approx(0.001, rel=1e-3)


@pytest.fixture
def folder(tmp_path) -> RunDir:
    folder = RunDir(tmp_path / "run")
    folder.create("", {}, Owner(1, "here", ""))
    return folder


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"kind": "adam"}, {"kind": "adam", "weight_decay": 0.5, "betas": [0.5, 0.9], "amsgrad": True}),
        ({"kind": "sgd", "momentum": 0.9}, {"kind": "sgd", "weight_decay": 0.5}),
        ({"kind": "muon"}, {"kind": "adamw", "weight_decay": 0.5}),
        ({"kind": "asgd", "t0": 2.0}, {"kind": "asgd", "lambd": 0.1}),
    ],
)
def test_early_stopping_keeps_the_settings_and_so_does_a_resume(folder, first: Any, second: Any):
    stopping = {"enabled": True, "patience": 1, "min_delta": 10.0, "restore_best": True}
    table = config(first).model_dump(mode="json", exclude_none=True) | {"early_stopping": stopping}
    start = RunConfig.model_validate(table)
    bench = TrainerHarness(start, folder)
    bench.steps(5)
    weights = bench.trainer.state.best_weights
    assert weights is not None
    best = {name: value.clone() for name, value in weights["model"].items()}
    bench.control.put(cmd.SetOptimizer(optimizer=OPTIMIZERS.validate_python(second)))
    bench.steps(1)
    in_force = settings(bench)
    finished = bench.finish()
    assert finished.reason == "early-stopped"
    assert [event.to for event in bench.of(ev.RolledBack)] == ["best"]
    assert settings(bench) == in_force

    resumed = TrainerHarness(start)
    restore_last(resumed.trainer.state, resumed.trainer.services, folder.checkpoints)
    assert settings(resumed) == in_force
    assert resumed.trainer.services.optimizer.description.model_dump(mode="json").items() >= second.items()
    model = resumed.trainer.services.setup.model.state_dict()
    assert all(torch.equal(value, best[name]) for name, value in model.items())
    for was, has in zip(states(bench), states(resumed), strict=True):
        assert was.keys() == has.keys()
        assert all(equal(was[name], has[name]) for name in was)
    resumed.control.put(cmd.SetPatience(patience=10))
    assert resumed.finish().reason == "completed"
    assert settings(resumed) == in_force
