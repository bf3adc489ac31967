"""Checks S22 to S27: schedules."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import fmean, pstdev

import torch
from torch.optim import SGD, Optimizer
from torch.optim import lr_scheduler as schedulers
from torch.optim.swa_utils import SWALR

from tui_trainer.components.schedulers.base import Clock
from tui_trainer.components.schedulers.builtin import Plateau
from tui_trainer.lecture.claims import Measured, above, below, exactly, within
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache


@row("S22", "schedules")
def inverse_time(school: TrainingCache) -> Iterator[Measured]:
    run = school.runs("schedules")["inverse-time"]
    yield Measured(
        "rate of each epoch minus 1/(1 + .2k), largest",
        _off(run, lambda k: 1 / (1 + 0.2 * k)),
        below(1e-12),
        kind="by construction",
    )
    yield Measured("training loss at the end, 1/t", run.at(-1, "train_loss"), below(0.45))


@row("S23", "schedules")
def exponential(school: TrainingCache) -> Iterator[Measured]:
    run = school.runs("schedules")["exponential"]
    beta = -math.log(0.9)
    yield Measured(
        "rate of each epoch minus e^(-bk), largest",
        _off(run, lambda k: math.exp(-beta * k)),
        below(1e-12),
        kind="by construction",
    )
    yield Measured("training loss at the end, exponential", run.at(-1, "train_loss"), below(0.5))


@row("S24", "schedules")
def staircase(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("schedules")
    for name, gamma in (("staircase-5", 0.2), ("staircase-10", 0.1)):
        off = _off(runs[name], lambda k, gamma=gamma: gamma ** (k // 10))
        yield Measured(
            f"rate of each epoch minus its stair, largest, {name}", off, below(1e-12), kind="by construction"
        )
    plain, stairs = runs["constant"], runs["staircase-5"]
    yield Measured(
        "training loss of the last ten epochs, constant rate of 1", fmean(_last(plain)), above(1.0), key="constant"
    )
    early = {name: runs[name].at(9, "train_loss") for name in runs}
    for name in ("staircase-5", "staircase-10"):
        same = early[name] / early["constant"]
        yield Measured(f"training loss at epoch 9 over that of the constant rate, {name}", same, within(0.9, 1.1))
    for name in ("inverse-time", "exponential"):
        lower = early[name] / early["constant"]
        claim = f"training loss at epoch 9 over that of the constant rate, {name}"
        yield Measured(claim, lower, below(0.85), key=f"early-{name}")
    labels = runs["constant"].setup.data.train.targets
    clean = school.runs("schedules", "data.label_noise=0.0", "training.epochs=1")["constant"].setup.data.train.targets
    wrong = (labels != clean).double().mean().item()
    yield Measured("share of wrong labels, three in ten drawn at random", wrong, within(0.23, 0.31), key="wrong")
    yield Measured("training loss at the end, staircase by 5", stairs.at(-1, "train_loss"), below(0.65))
    calmer = _shake(plain) / _shake(stairs)
    yield Measured("deviation of the last ten epochs' loss, constant over staircase", calmer, above(10))


@row("S25", "plateau-val")
def plateau_of_validation(school: TrainingCache) -> Iterator[Measured]:
    schedule = Plateau(patience=2)
    rates = [
        schedule.shape(1.0, Clock(step=k, epoch=k, total=8, steps_per_epoch=1, watched=[1.0] * k)) for k in range(9)
    ]
    drops = [k for k in range(1, 9) if rates[k] < rates[k - 1]]
    yield Measured(
        "first drop under a metric that never improves, patience 2: call", drops[0], exactly(4), kind="by construction"
    )
    yield Measured("second drop there: call", drops[1], exactly(7), kind="by construction")
    runs = school.runs("plateau-val")
    constant, ended = runs["constant"].at(-1, "train_loss"), runs["plateau"].at(-1, "train_loss")
    yield Measured("training loss at the end over the constant rate's", ended / constant, below(0.9))
    yield Measured("training loss at the end", ended, within(0.3, 1.0), key="loss")
    yield Measured("last rate", runs["plateau"].epochs[-1].lr, below(1e-3), key="rate")
    yield Measured("drops in 40 epochs", _drops(runs["plateau"]), above(3), key="drops")
    better = runs["plateau"].at(-1, "val_accuracy") - runs["constant"].at(-1, "val_accuracy")
    yield Measured("validation accuracy at the end, minus the constant rate's", better, above(0.1), key="ahead")


@row("S26", "plateau-train")
def plateau_of_the_objective(school: TrainingCache) -> Iterator[Measured]:
    run = school.runs("plateau-train")[""]
    yield Measured("drops in 60 epochs", _drops(run), within(1, 2), key="drops")
    yield Measured("training loss at the end", run.at(-1, "train_loss"), below(0.5), key="loss")


@row("S27", "scheduler-zoo")
def every_schedule(school: TrainingCache) -> Iterator[Measured]:
    """Each of torch's schedulers is stepped beside the run of its counterpart here."""
    runs = school.runs("scheduler-zoo")
    rates = {name: run.column("lr") for name, run in runs.items()}
    losses = [end.metrics["train_loss"] for end in runs["plateau"].epochs]
    # Two have no variant of their own: a chain multiplies its parts, and SWALR anneals to a rate of its own.
    rates["chain"] = [one * two / BASE for one, two in zip(rates["constant"], rates["exponential"], strict=True)]
    rates["swa"] = [0.05 + (BASE - 0.05) * (1 + math.cos(math.pi * min(k / 10, 1))) / 2 for k in range(STEPS)]
    built = _torch_schedulers()
    concrete = {cls.__name__ for cls in vars(schedulers).values() if isinstance(cls, type) and _is_scheduler(cls)}
    yield Measured(
        "schedulers that torch.optim.lr_scheduler has",
        len(concrete),
        above(15),
        key="schedulers",
        kind="by construction",
    )
    yield Measured(
        "of these, without a counterpart here",
        len(concrete - {name for name, _, _ in built}),
        exactly(0),
        kind="by construction",
    )
    for name, variant, build in built:
        steps = _stepped(build, losses if variant == "plateau" else ())
        expected = rates[variant] if variant != "plateau" else [end.lr for end in runs[variant].epochs]
        off = max(abs(one / two - 1) for one, two in zip(steps, expected, strict=True))
        yield Measured(f"{name}: largest relative difference from {variant}", off, below(1e-9), kind="by construction")


BASE = 0.1
STEPS = 40

Build = Callable[[Optimizer], schedulers.LRScheduler]


def _torch_schedulers() -> list[tuple[str, str, Build]]:
    """torch's name, the variant that is to have the same rates, and how torch's is made."""
    return [
        ("LambdaLR", "inverse-time", lambda o: schedulers.LambdaLR(o, lambda k: 1 / (1 + 0.2 * k))),
        ("MultiplicativeLR", "exponential", lambda o: schedulers.MultiplicativeLR(o, lambda _: 0.9)),
        ("StepLR", "staircase", lambda o: schedulers.StepLR(o, 10, 0.2)),
        ("MultiStepLR", "milestones", lambda o: schedulers.MultiStepLR(o, [5, 20], 0.1)),
        ("ConstantLR", "constant", lambda o: schedulers.ConstantLR(o, 1 / 3, 5)),
        ("LinearLR", "linear", lambda o: schedulers.LinearLR(o, 1 / 3, 1.0, STEPS)),
        ("ExponentialLR", "exponential", lambda o: schedulers.ExponentialLR(o, 0.9)),
        ("SequentialLR", "warmup-then-exponential", _warmed_up),
        ("PolynomialLR", "polynomial", lambda o: schedulers.PolynomialLR(o, STEPS, 2.0)),
        ("CosineAnnealingLR", "cosine", lambda o: schedulers.CosineAnnealingLR(o, STEPS, 0.001)),
        ("ChainedScheduler", "chain", _chained),
        ("ReduceLROnPlateau", "plateau", lambda o: schedulers.ReduceLROnPlateau(o, "min", 0.5, 0, threshold=0.2)),
        ("CyclicLR", "cyclic", lambda o: schedulers.CyclicLR(o, 0.01, BASE, 8, cycle_momentum=False)),
        ("CosineAnnealingWarmRestarts", "warm-restarts", lambda o: schedulers.CosineAnnealingWarmRestarts(o, 5, 2)),
        ("OneCycleLR", "one-cycle", lambda o: schedulers.OneCycleLR(o, BASE, STEPS, cycle_momentum=False)),
        ("SWALR", "swa", lambda o: SWALR(o, 0.05, 10, "cos")),
    ]  # fmt: skip


def _warmed_up(optimizer: Optimizer) -> schedulers.LRScheduler:
    rise = schedulers.LinearLR(optimizer, 0.2, 1.0, 5)
    return schedulers.SequentialLR(optimizer, [rise, schedulers.ExponentialLR(optimizer, 0.9)], milestones=[5])


def _chained(optimizer: Optimizer) -> schedulers.LRScheduler:
    return schedulers.ChainedScheduler(
        [schedulers.ConstantLR(optimizer, 1 / 3, 5), schedulers.ExponentialLR(optimizer, 0.9)]
    )


def _is_scheduler(cls: type) -> bool:
    return (
        issubclass(cls, schedulers.LRScheduler)
        and cls is not schedulers.LRScheduler
        and not cls.__name__.startswith("_")
    )


def _stepped(build: Build, watched: Sequence[float | None]) -> list[float]:
    """Return the rates of a torch scheduler per step, or per epoch if it needs a metric."""
    optimizer = SGD([torch.zeros(1, requires_grad=True)], BASE)
    scheduler = build(optimizer)
    rates: list[float] = []
    for k in range(len(watched) or STEPS):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if isinstance(scheduler, schedulers.ReduceLROnPlateau):
            scheduler.step(watched[k] or math.inf)
        elif k < STEPS - 1:
            scheduler.step()
    return rates


def _rates(run: TrainedRun) -> list[float]:
    """Return the learning rate of each epoch."""
    return [end.lr for end in run.epochs]


def _off(run: TrainedRun, formula: Callable[[int], float]) -> float:
    """Return the largest deviation of the run's rates from the formula, at a base of 1."""
    rows = run.record.rows
    return max(abs(row["lr"] - formula((step - 1) // run.per_epoch)) for step, row in rows.items() if "lr" in row)


def _drops(run: TrainedRun) -> int:
    rates = _rates(run)
    return sum(after < before for before, after in pairwise(rates))


def _shake(run: TrainedRun) -> float:
    """Return the standard deviation of the training loss over the last ten epochs."""
    return pstdev(_last(run))


def _last(run: TrainedRun) -> list[float]:
    """Return the training loss of the last ten epochs."""
    return [run.at(epoch, "train_loss") for epoch in range(len(run.epochs) - 9, len(run.epochs) + 1)]
