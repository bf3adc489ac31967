"""torch's schedulers by their calls: every class, step by step, and what is no call."""

from __future__ import annotations

import inspect
import warnings

import pytest
import torch
from pydantic import ValidationError
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

from tui_trainer.components.schedulers.builtin import Torch
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.components.schedulers.torch_expression import NAMES, curve_of

BASE, STEPS = 0.3, 60

CALLS = [
    "LambdaLR(lambda epoch: 1 / (1 + 0.2 * epoch))",
    "LambdaLR(lr_lambda=lambda k: min(1.0, k / 10) * 0.9 ** max(k - 10, 0))",
    "MultiplicativeLR(lambda epoch: 0.95)",
    "MultiplicativeLR(lambda epoch: 1 - 1 / (epoch + 2))",
    "StepLR(7)",
    "StepLR(step_size=10, gamma=0.5)",
    "MultiStepLR([3, 20, 20, 41], gamma=0.3)",
    "ConstantLR()",
    "ConstantLR(factor=0.5, total_iters=13)",
    "LinearLR()",
    "LinearLR(0.1, 0.8, 30)",
    "ExponentialLR(gamma=0.9)",
    "PolynomialLR()",
    "PolynomialLR(total_iters=40, power=2.0)",
    "CosineAnnealingLR(25)",
    "CosineAnnealingLR(T_max=60, eta_min=0.01)",
    "CosineAnnealingWarmRestarts(10)",
    "CosineAnnealingWarmRestarts(T_0=5, T_mult=2, eta_min=0.02)",
    "CyclicLR(0.01, 0.2, step_size_up=7, cycle_momentum=False)",
    "CyclicLR(base_lr=0.0, max_lr=0.2, step_size_up=4, step_size_down=9, mode='triangular2', cycle_momentum=False)",
    "CyclicLR(0.01, 0.2, step_size_up=5, mode='exp_range', gamma=0.97, cycle_momentum=False)",
    "OneCycleLR(max_lr=0.5, total_steps=60, cycle_momentum=False)",
    "OneCycleLR(0.5, total_steps=60, pct_start=0.2, anneal_strategy='linear', three_phase=True, cycle_momentum=False)",
    "SWALR(swa_lr=0.05)",
    "SWALR(0.05, anneal_epochs=25, anneal_strategy='linear')",
    "SequentialLR([LinearLR(total_iters=5), CosineAnnealingLR(45)], milestones=[5])",
    "SequentialLR([ConstantLR(0.1, 20), ExponentialLR(0.9), StepLR(4)], milestones=[20, 35])",
    "ChainedScheduler([ConstantLR(0.1, total_iters=20), ExponentialLR(0.9)])",
    "ChainedScheduler([LinearLR(), StepLR(9), PolynomialLR(50)])",
]


class Maker:
    """Makes what the call says with torch itself: `eval` of a text that this file wrote."""

    def __init__(self, call: str) -> None:
        self.optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE)
        self.scheduler = eval(call, {name: self.make(name) for name in NAMES})  # noqa: S307

    def make(self, name: str):
        cls = SWALR if name == "SWALR" else getattr(lr_scheduler, name)
        if name == "ChainedScheduler":
            return lambda schedulers: cls(schedulers)
        return lambda *args, **more: cls(self.optimizer, *args, **more)


def torch_rates(call: str) -> list[float]:
    made = Maker(call)
    rates = []
    for _ in range(STEPS):
        rates.append(made.optimizer.param_groups[0]["lr"])
        made.optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # SequentialLR calls step(epoch), which torch has deprecated
            made.scheduler.step()
    return rates


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("per", ["step", "epoch"])
def test_the_rates_are_those_of_torch(call: str, per: str) -> None:
    schedule = Torch.model_validate({"call": call.replace(", cycle_momentum=False", ""), "per": per})
    each = 1 if per == "step" else 3
    plan = LrPlan.begin(schedule, BASE, step=0, end=STEPS * each, steps_per_epoch=each)
    assert [plan.rate(step) for step in range(0, STEPS * each, each)] == pytest.approx(torch_rates(call), rel=1e-9)
    assert LrPlan.model_validate_json(plan.model_dump_json()) == plan


def test_every_class_of_torch_is_here() -> None:
    bases = {"LRScheduler", "ReduceLROnPlateau"}  # the base, and what is `plateau` here
    theirs = {
        name
        for name, cls in vars(lr_scheduler).items()
        if inspect.isclass(cls) and issubclass(cls, lr_scheduler.LRScheduler) and not name.startswith("_")
    }
    assert theirs - bases | {"SWALR"} == set(NAMES)
    tested = {call.split("(")[0] for call in CALLS}
    assert tested == set(NAMES)


@pytest.mark.parametrize("call", [call.replace(", cycle_momentum=False", "") for call in CALLS])
def test_a_rate_set_by_hand_stays_set(call: str) -> None:
    plan = LrPlan.begin(Torch(call=call, per="step"), BASE, step=0, end=STEPS, steps_per_epoch=1)
    changed = plan.with_rate(plan.rate(8) / 10, 8)
    for step in range(8, 20):
        assert changed.rate(step) == pytest.approx(plan.rate(step) / 10)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("StepLR", "is not a scheduler"),
        ("StepLR(", "is not a call"),
        ("", "is not a call"),
        ("StepLr(30)", "torch has no scheduler 'StepLr'.*StepLR"),
        ("StepLR()", "StepLR needs step_size"),
        ("StepLR(stepsize=3)", "no argument 'stepsize' here.*step_size"),
        ("StepLR(0)", "step_size must be greater than 0"),
        ("StepLR('x')", "wrong type"),
        ("StepLR(1, 2, 3)", "takes at most 2 arguments"),
        ("LambdaLR(0.9)", "lr_lambda must be a function of the epoch"),
        ("LambdaLR(lambda epoch: __import__('os').getpid())", "is not supported"),
        ("LambdaLR(lambda epoch: epoch.real)", "is not supported"),
        ("LambdaLR(lambda epoch: 1 / epoch)", "cannot be evaluated: "),
        ("ExponentialLR(9 ** 9 ** 9)", "cannot be evaluated: math range error"),
        ("StepLR('x' * 1000000000)", "is not a number"),
        ("StepLR(" + "-" * 990 + "1)", "nested|is not a call|greater than 0"),
        ("ReduceLROnPlateau()", 'use scheduler.kind = "plateau"'),
        ("SequentialLR([StepLR(3)], milestones=[5])", "1 schedulers need 0 milestones"),
        ("SequentialLR(StepLR(3), [])", "schedulers must be a list of calls"),
        ("ChainedScheduler([StepLR(3), CyclicLR(0.1, 0.2)])", "CyclicLR sets the rate"),
        ("CyclicLR(0.3, 0.2)", "less than or equal to 1"),
    ],
)
def test_what_is_no_scheduler_says_why(call: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Torch(call=call)


def test_nothing_is_run() -> None:
    assert curve_of("LambdaLR(lambda epoch: 0.5 ** epoch)", {})(1.0, 3) == 0.125
