"""Every schedule under every way to intervene, compared with what is written down in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe

PER_EPOCH, EPOCHS, AT = 4, 5, 6
END, LONGER = PER_EPOCH * EPOCHS, PER_EPOCH * 2 * EPOCHS
BASE = 0.1

Rates = Callable[[int], float]

SCHEDULES: dict[str, tuple[dict[str, Any], Rates]] = {
    # kind: settings, and the rate that they mean at each step of a run of 20 steps, in epochs of 4
    "constant": ({"steps": 8, "factor": 0.5}, lambda k: 0.05 if k < 8 else 0.1),
    "inverse-time": ({"decay": 1.0}, lambda k: 0.1 / (1 + k // 4)),
    "exponential": ({"gamma": 0.5}, lambda k: 0.1 * 0.5 ** (k // 4)),
    "staircase": ({"period": 2}, lambda k: 0.1 * 0.1 ** (k // 8)),
    "polynomial": ({"power": 1.0}, lambda k: 0.1 * (1 - k / 20)),
    "linear": ({}, lambda k: 0.1 * (1 - k / 20)),
    "cosine": ({"min_lr": 0.0}, lambda k: 0.05 * (1 + cos(k / 20))),
    "warm-restarts": ({"first": 2}, lambda k: 0.05 * (1 + cos(k % 8 / 8))),
    "one-cycle": ({"rise": 0.5}, lambda k: between(0.004, 0.1, k / 9) if k <= 9 else between(0.1, 4e-7, (k - 9) / 10)),
    "cyclic": ({"low": 0.01, "up": 8}, lambda k: 0.001 + 0.099 * (1 - abs(k % 16 / 8 - 1))),
    "warmup-stable-decay": (
        {"warmup": 10.0, "warmup_start": 0.0, "decay": 0.5},
        lambda k: 0.01 * k if k < 10 else 0.1 * min(1, (20 - k) / 5),
    ),
    "plateau": ({"patience": 0, "threshold": 0.9, "factor": 0.5}, lambda k: 0.1 * 0.5 ** max(k // 4 - 1, 0)),
    "torch": ({"call": "LambdaLR(lambda epoch: 0.5 ** epoch)"}, lambda k: 0.1 * 0.5 ** (k // 4)),
    "import": ({"path": "tests.support:halving"}, lambda k: 0.1 * 0.5 ** (k // 4)),
}


def cos(share: float) -> float:
    import math

    return math.cos(math.pi * share)


def between(first: float, last: float, share: float) -> float:
    return last + (first - last) / 2 * (1 + cos(min(share, 1)))


SAME, SCALED, HELD, STRETCHED, AGAIN = "same", "scaled", "held", "stretched", "again"
"""The rates after an intervention at step 6.

same: those that were planned. scaled: those, multiplied by the same number. held: the rate stays until the schedule
reaches it, and is then the planned one. stretched: what was left of the schedule, over what is left of the run. again:
those of a run that was planned with the new length.
"""

WAYS = (
    "patience",
    "step",
    "roll back",
    "undo",
    "resume",
    "set-lr up",
    "set-lr down",
    "factor",
    "longer",
    "after the end",
)
TABLE: dict[str, tuple[str, ...]] = {
    #                      patience, step, roll back, undo, resume, up, down, factor, longer, after the end
    "constant": (*[SAME] * 5, HELD, SCALED, SCALED, SAME, SAME),
    "inverse-time": (*[SAME] * 5, SCALED, SCALED, SCALED, SAME, SAME),
    "exponential": (*[SAME] * 5, SCALED, SCALED, SCALED, SAME, SAME),
    "staircase": (*[SAME] * 5, SCALED, SCALED, SCALED, SAME, SAME),
    "polynomial": (*[SAME] * 5, SCALED, SCALED, SCALED, STRETCHED, AGAIN),
    "linear": (*[SAME] * 5, SCALED, SCALED, SCALED, STRETCHED, AGAIN),
    "cosine": (*[SAME] * 5, SCALED, SCALED, SCALED, STRETCHED, AGAIN),
    "warm-restarts": (*[SAME] * 5, HELD, SCALED, SCALED, SAME, SAME),
    "one-cycle": (*[SAME] * 5, HELD, SCALED, SCALED, STRETCHED, AGAIN),
    "cyclic": (*[SAME] * 5, HELD, SCALED, SCALED, SAME, SAME),
    "warmup-stable-decay": (*[SAME] * 5, HELD, SCALED, SCALED, "planned", AGAIN),
    "plateau": (*[SAME] * 5, SCALED, SCALED, SCALED, SAME, SAME),
    "torch": (*[SAME] * 5, SCALED, SCALED, SCALED, SAME, SAME),
    "import": (*[SAME] * 5, SCALED, SCALED, SCALED, SAME, SAME),
}


def config(kind: str) -> RunConfig:
    return tiny_config(
        data={"samples": 30, "batch_size": 6},
        optimizer={"kind": "sgd", "lr": BASE},
        scheduler={"kind": kind, **SCHEDULES[kind][0]},
        training={"epochs": EPOCHS},
        early_stopping={"enabled": False, "patience": 3},
    )


def reopened(bench: TrainerHarness, settings: RunConfig) -> TrainerHarness:
    bench.flush()
    other = TrainerHarness(settings)
    other.load_state_dict(parse(bytearray(serialise(bench.state_dict() | {"journal": {"bytes": 0}})), "x"))
    return other


def trained(kind: str, way: str) -> dict[int, float]:
    """The rate of every step of a run with this intervention after step 6, as the optimizer was given it."""
    bench = TrainerHarness(config(kind))
    bench.steps(END if way == "after the end" else AT)
    put = bench.control.put
    if way == "patience":
        put(cmd.SetPatience(patience=7))
    elif way == "step":
        put(cmd.StepOnce())
        put(cmd.Resume())
    elif way == "roll back":
        put(cmd.RollBack())
    elif way == "undo":
        put(cmd.SetLearningRate(factor=3.0))
        bench.steps(2)
        put(cmd.Undo())
    elif way == "resume":
        bench = reopened(bench, config(kind))
    elif way.startswith("set-lr"):
        put(
            cmd.SetLearningRate(
                value=bench.trainer.state.plan.rate(AT, watched(bench)) * (1.2 if "up" in way else 0.25)
            )
        )
    elif way == "factor":
        put(cmd.SetLearningRate(factor=2.0))
    elif way == "longer":
        put(cmd.SetEpochs(value=2 * EPOCHS))
    else:
        assert bench.finish().reason == "completed"
        bench = reopened(bench, config(kind))
        bench.control.put(cmd.SetEpochs(value=2 * EPOCHS))
    assert bench.finish().reason == "completed"
    assert not bench.of(ev.Refused)
    return {step - 1: rate for step, rate in bench.column("lr").items() if rate is not None}


def watched(bench: TrainerHarness) -> Any:
    return bench.trainer.services.early_stopper.watched


def expected(kind: str, way: str, word: str) -> Rates:
    plan = SCHEDULES[kind][1]
    if word == SCALED:
        ratio = {"set-lr up": 1.2, "set-lr down": 0.25, "factor": 2.0}[way]
        return lambda k: plan(k) * (ratio if k >= AT else 1)
    if word == HELD:
        # Each of these rises at step 6 or soon after, to more than the rate that was set.
        up = plan(AT) * 1.2
        reached = next(k for k in range(AT, END) if plan(k) >= up)
        return lambda k: up if AT <= k < reached else plan(k)
    if word == STRETCHED:
        return lambda k: plan(k) if k < AT else plan_between(plan, AT + (k - AT) * (END - AT) / (LONGER - AT), kind)
    if word in (AGAIN, "planned"):
        # "planned": the length of the warm-up is a number of steps, and what follows it is planned for the new length.
        scheduler = {"kind": kind, **SCHEDULES[kind][0]}
        settings = tiny_config(scheduler=scheduler).scheduler
        whole = LrPlan.begin(settings, BASE, step=0, end=LONGER, steps_per_epoch=PER_EPOCH)
        since = END if word == AGAIN else AT
        return lambda k: plan(k) if k < since else whole.rate(k)
    return plan


def plan_between(plan: Rates, position: float, kind: str) -> float:
    """The formulas above hold between two steps too."""
    assert kind in ("polynomial", "linear", "cosine", "one-cycle")
    return plan(position)  # pyright: ignore[reportArgumentType]


def test_every_schedule_and_every_way_is_in_the_table():
    assert set(TABLE) == set(SCHEDULES) == set(choices(AnyScheduler))
    assert all(len(row) == len(WAYS) for row in TABLE.values())


@pytest.mark.parametrize("kind", SCHEDULES)
def test_nothing_is_what_was_planned(kind: str):
    bench = TrainerHarness(config(kind))
    bench.finish()
    assert list(bench.column("lr").values()) == pytest.approx([SCHEDULES[kind][1](k) for k in range(END)], abs=1e-12)


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        pytest.param(kind, way, marks=[pytest.mark.long] if (i + j) % 2 else [])  # every other cell of the table
        for i, kind in enumerate(SCHEDULES)
        for j, way in enumerate(WAYS)
    ],
)
def test_the_table(kind: str, way: str):
    word = TABLE[kind][WAYS.index(way)]
    rates, should = trained(kind, way), expected(kind, way, word)
    steps = list(rates)
    assert steps[-1] == (LONGER if way in ("longer", "after the end") else END) - 1
    assert [rates[k] for k in steps] == pytest.approx([should(k) for k in steps], abs=1e-12)


@pytest.mark.parametrize("old", SCHEDULES)
@pytest.mark.parametrize("new", ["cosine", "cyclic"])
def test_another_schedule_begins_at_the_rate_in_force(old: str, new: str):
    bench = TrainerHarness(config(old))
    bench.steps(AT)
    rate = bench.trainer.state.plan.rate(AT, watched(bench))
    settings = tiny_config(scheduler={"kind": new, **SCHEDULES[new][0]}).scheduler
    # The schedule in force changes nothing, unless a rate to begin from is given.
    bench.control.put(cmd.SetScheduler(scheduler=settings, base=rate if new == old else None))
    bench.finish()
    rates = bench.column("lr")
    whole = LrPlan.begin(settings, rate, step=AT, end=END, steps_per_epoch=PER_EPOCH)
    assert [rates[k + 1] for k in range(AT, END)] == pytest.approx([whole.rate(k) for k in range(AT, END)])


TROUGHS = {"warm-restarts": 7, "cyclic": 16, "warmup-stable-decay": 1, "one-cycle": 1, "constant": 2}


@pytest.mark.parametrize("kind", TROUGHS)
def test_a_rate_set_in_a_trough_does_not_lift_the_peak(kind: str):
    bench = TrainerHarness(config(kind))
    bench.steps(TROUGHS[kind])
    bench.control.put(cmd.SetLearningRate(value=0.09))
    bench.finish()
    rates = [rate for step, rate in bench.column("lr").items() if step > TROUGHS[kind] and rate is not None]
    assert rates[0] == pytest.approx(0.09)
    assert max(rates) <= 0.1 + 1e-12


def test_another_optimizer_in_a_trough_has_its_own_rate_as_the_peak():
    bench = TrainerHarness(config("warm-restarts"))
    bench.steps(7)
    bench.control.put(cmd.SetOptimizer.model_validate({"optimizer": {"kind": "adam", "lr": 0.02}}))
    bench.finish()
    rates = bench.column("lr")
    assert [rates[step] for step in (8, 9, 13)] == pytest.approx([0.02, 0.02, 0.01])


def test_a_schedule_that_has_no_rate_left_says_so_and_what_to_do():
    table = {"kind": "torch", "call": "PolynomialLR(total_iters=5)"}
    bench = TrainerHarness(tiny_config(scheduler=table, training={"epochs": 5}))
    bench.finish()
    other = reopened(bench, tiny_config(scheduler=table, training={"epochs": 5}))
    other.control.put(cmd.SetEpochs(value=8))
    other.finish()
    changed = other.of(ev.SettingChanged)[-1]
    assert describe(changed) == (
        "epochs 8, was 5; the schedule leaves a learning rate of 0 for the rest: set a rate (set-lr value=RATE) or "
        "another schedule (set-scheduler kind=... base=RATE)"
    )


def test_a_longer_run_says_its_coming_rates():
    bench = TrainerHarness(config("linear"))
    bench.finish()
    other = reopened(bench, config("linear"))
    other.control.put(cmd.SetEpochs(value=10))
    other.finish()
    said = describe(other.of(ev.SettingChanged)[-1])
    assert said == "epochs 10, was 5; learning rate 0.05 now, 0.0025 at the end"


@pytest.mark.parametrize(
    ("values", "drops"), [([-1.0, -1.0, -1.0], 2), ([-1.0, -1.2, -1.4], 0), ([-1.0, -1.05, -0.9], 2)]
)
def test_a_negative_metric_under_a_relative_threshold_drops_the_rate(values: list[float], drops: int):
    settings = tiny_config(scheduler={"kind": "plateau", "patience": 0, "factor": 0.5, "threshold": 0.1}).scheduler
    plan = LrPlan.begin(settings, 1.0, step=0, end=10, steps_per_epoch=1)
    seen = [(step, value) for step, value in enumerate(values, start=1)]
    assert plan.rate(3, seen) == 0.5**drops
