"""Each schedule, optimizer, loss, initialisation and activation that a script holds; what it refuses by name."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest

from tests.runs.torch_script.conftest import assert_repeats, executed, trained
from tests.runs.torch_script.test_repeating import config_of
from tests.support import tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.initializers import AnyInit
from tui_trainer.components.losses import AnyLoss
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers import builtin
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.errors import UserError
from tui_trainer.runs.torch_script import loss_code, optimizer_code
from tui_trainer.runs.torch_script.schedule_code import Stretch, imports_of, makers, rate_code
from tui_trainer.runs.torch_script.torch_script import torch_script

SCHEDULERS = [
    builtin.Constant(factor=0.5, steps=7),
    builtin.InverseTime(per="step"),
    builtin.Exponential(),
    builtin.Staircase(period=2, gamma=0.5),
    builtin.Staircase(milestones=(13, 40), per="step", warmup=5),
    builtin.Polynomial(),
    builtin.LinearDecay(end_factor=0.1, warmup=0.1),
    builtin.Cosine(min_lr=1e-3),
    builtin.WarmRestarts(first=2),
    builtin.WarmRestarts(first=7, mult=2, unit="step", warmup=11),
    builtin.OneCycle(),
    builtin.OneCycle(three_phase=True, anneal="linear"),
    builtin.Cyclic(up=6, mode="triangular2"),
    builtin.Cyclic(up=6, down=9, mode="exp-range", gamma=0.97),
    builtin.WarmupStableDecay(fall="sqrt"),
    builtin.WarmupStableDecay(fall="cosine", end_factor=0.1),
    builtin.Torch(call="ChainedScheduler([ExponentialLR(gamma=0.9), torch.optim.lr_scheduler.StepLR(4)])"),
    builtin.Torch(call="CosineAnnealingWarmRestarts(T_0=9, T_mult=2)", per="step"),
]


@pytest.mark.parametrize("scheduler", SCHEDULERS, ids=lambda scheduler: scheduler.label())
def test_the_rate_of_every_step_is_that_of_the_plan(scheduler):
    plan = LrPlan.begin(scheduler, 0.3, step=0, end=80, steps_per_epoch=10)
    stretches = [Stretch(0, plan)]
    steered = [plan.with_rate(0.02, 23), plan.with_factor(3.0, 23)]
    if not isinstance(scheduler, builtin.Torch):
        steered += [plan.with_rate(0.02, 23).with_end(120, 23), plan.with_batch_size(
            5, 20, step=30, epoch=3, epochs=8, before=10)]  # fmt: skip
    for changed in steered:
        first = 30 if changed.lengths else 23
        stretches = [Stretch(0, plan), Stretch(first, changed, ["it was changed"])]
        code = [*makers([plan]), rate_code(stretches, changed.lengths)]
        imports = ["import math", "import torch", *imports_of([plan])]
        _, script = executed("\n\n".join([*imports, *code]))
        for step in range(changed.end):
            wanted = (changed if step >= first else plan).rate(step)
            assert script["rate"](step) == pytest.approx(wanted, rel=1e-12), step


OPTIMIZERS = [kind for kind, optimizer in choices(AnyOptimizer).items() if hasattr(optimizer, "torch_name")]
FITTING = {
    "iris": ["cross-entropy", "nll", "mse", "half-mse", "l1", "huber", "bce-with-logits", "bce", "hinge", "perceptron"],
    "breast-cancer": ["mse", "bce-with-logits", "bce", "hinge", "perceptron"],
    "diabetes": ["mse", "half-mse", "l1", "huber"],
}
"""The losses for many classes, two classes and numbers."""


@pytest.mark.long
@pytest.mark.parametrize("kind", [kind for kind in OPTIMIZERS if kind != "sparse-adam"])
def test_every_optimizer_of_torch_is_written(tmp_path, kind):
    assert_repeats(tmp_path / "run", config_of(optimizer={"kind": kind, "lr": 0.02}, training={"epochs": 2}))


@pytest.mark.long
@pytest.mark.parametrize("kind", choices(AnyInit))
def test_every_initialisation_is_written(tmp_path, kind):
    model = {"hidden": [8, 4], "init": kind, "activation": "abs", "norm": "layer"}
    assert_repeats(tmp_path / "run", config_of(model=model, training={"epochs": 1}))


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in FITTING.items() for kind in kinds])
def test_every_loss_is_written(tmp_path, name, kind):
    head = {"nll": "softmax", "bce": "sigmoid"}.get(kind, "identity")
    model = {"hidden": [4], "head": head, "activation": "prelu"}
    config = config_of(data={"kind": name}, loss={"kind": kind}, model=model, training={"epochs": 1})
    assert_repeats(tmp_path / "run", config)


@pytest.mark.parametrize(
    ("tables", "named"),
    [
        ({"data": {"kind": "moons"}}, 'data.kind = "moons" (a script holds digits, breast-cancer, '),
        ({"optimizer": {"kind": "newton"}, "data": {"kind": "iris", "sampling": "full"}}, 'optimizer.kind = "newton"'),
        ({"optimizer": {"kind": "adam", "bias_correction": False}}, "optimizer.bias_correction = false"),
        ({"training": {"precision": "bfloat16"}}, 'training.precision = "bfloat16"'),
        ({"data": {"kind": "iris", "nan_share": 0.01}}, "data.nan_share"),
        ({"validation_sets": {"b": {"data": {"kind": "iris"}}}}, "further validation sets (b)"),
        ({"metrics": {"own_score": {"path": "tests.fixtures.own_parts:f1"}}}, "metrics of your own (own_score)"),
    ],
)
def test_what_a_script_does_not_hold_is_named(tmp_path, tables, named):
    trained(tmp_path / "run", config_of(**{"training": {"epochs": 1}, **tables}))
    with pytest.raises(UserError) as refused:
        torch_script(tmp_path / "run", "mine")
    assert named in str(refused.value)
    assert "run 'mine' cannot be written as a torch script" in str(refused.value)
    assert str(refused.value).endswith("As a preset it can: tui-trainer bake mine")


def test_every_problem_is_named_at_once(tmp_path):
    trained(tmp_path / "run", tiny_config(loss={"kind": "mse"}, training={"precision": "bfloat16", "epochs": 1}))
    with pytest.raises(UserError, match=r'data\.kind = "moons" .*; training\.precision = "bfloat16"'):
        torch_script(tmp_path / "run", "run")


def test_a_kind_that_is_new_is_refused_or_written():
    for loss in choices(AnyLoss).values():
        assert loss in loss_code.LOSSES or loss.model_fields["kind"].default in ("value", "import")
    for optimizer in choices(AnyOptimizer).values():
        assert optimizer_code.unsupported(optimizer()) == "" or not hasattr(optimizer, "torch_name")


def test_changed_data_are_said(tmp_path):
    import json

    bench = trained(tmp_path / "run", config_of(training={"epochs": 1}), lambda bench: None)
    fingerprint = bench.trainer.services.setup.data.fingerprint
    recorded = {"name": "iris", "own": False, "count": 150, "unit": "samples", "size": 1, "hash": fingerprint.hash}
    (tmp_path / "run" / "about.json").write_text(json.dumps({"data": recorded}))
    assert torch_script(tmp_path / "run", "run").warning == ""
    (tmp_path / "run" / "about.json").write_text(json.dumps({"data": recorded | {"hash": "00"}}))
    assert "changed since the run" in torch_script(tmp_path / "run", "run").warning


def test_a_diverged_run_ends_at_the_same_epoch(tmp_path):
    config = config_of(data={"kind": "diabetes"}, optimizer={"lr": 1e4}, training={"epochs": 3})
    bench = trained(tmp_path / "run", config)
    printed, _ = executed(torch_script(tmp_path / "run", "run").text)
    assert bench.trainer.state.broken
    assert len(printed) <= 2
    assert not math.isfinite(printed[-1]["train_loss"])


def test_a_name_cannot_leave_its_place(tmp_path):
    trained(tmp_path / "run", config_of(training={"epochs": 1}), rate_and_length_free)
    text = torch_script(tmp_path / "run", 'a"""\nimport os\n"""').text
    assert "\nimport os" not in text
    executed(text)


def rate_and_length_free(bench):
    from tui_trainer.protocol import commands as cmd

    bench.steps(1)
    bench.control.put(cmd.SetClip(id="c", value=0.5, because="one\nimport os\u2028import os"))
    bench.steps(1)


def test_the_head_says_that_several_processes_trained_the_run(tmp_path: Path) -> None:
    trained(tmp_path / "run", config_of())
    assert "processes" not in torch_script(tmp_path / "run", "run").text
    (tmp_path / "run" / "about.json").write_text('{"processes": 4}')
    head = ast.get_docstring(ast.parse(torch_script(tmp_path / "run", "run").text)) or ""
    assert "trained by 4 processes, this script is one" in head
