"""Checks S14 to S21, S28 and S29: batches, epochs, and the cost of a step."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from math import ceil, exp, inf, isfinite, log, prod
from statistics import fmean, linear_regression, pstdev

import torch
from torch import Tensor

from tui_trainer.components.schedulers.base import Clock
from tui_trainer.components.schedulers.builtin import InverseTime
from tui_trainer.config.preset import load
from tui_trainer.engine.setup import optimizer_for
from tui_trainer.lecture.claims import Measured, about, above, below, exactly, within
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache
from tui_trainer.optim.second_order import solve


@row("S14", "memory")
def memory(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("memory")
    off, slope = (runs["sgd"].read("memory", number) for number in ("residual", "bytes_per_sample"))
    yield Measured(
        "bytes that a step keeps: largest relative distance from a line in B", off, below(1e-6), kind="exact"
    )
    yield Measured("bytes for each image in the step", slope, about(560, 1e-3), key="per-image", kind="exact")
    for name, numbers in (("sgd", 0), ("momentum", 1), ("adagrad", 1), ("rmsprop", 1), ("adam", 2)):
        kept = runs[name].read("memory", "optimizer_floats_per_parameter")
        yield Measured(
            f"numbers that the optimizer keeps for a weight, {name}", kept, exactly(numbers), kind="by construction"
        )
    data, total, most = (runs["adam"].read("fit", name) for name in ("data", "total", "most_samples"))
    claim = "GB of ImageNet's 1,281,167 images of 224 x 224 x 3 numbers"
    yield Measured(claim, data, about(1_281_167 * 224 * 224 * 3 * 4e-9, 1e-6), key="imagenet", kind="exact")
    yield Measured("does all of it fit on a device of 48 GB", float(total <= 48), exactly(0), kind="exact")
    beside = total - data
    above_it, below_it = (beside + (most + more) * 150_528 * 4e-9 > 48 for more in (1, 0))
    claim = "images that fit beside the training on 48 GB"
    yield Measured(claim, most, within(70_000, 80_000), key="most", kind="exact")
    claim = "one image more does not fit, and these do"
    yield Measured(claim, float(above_it and not below_it), exactly(1), kind="by construction")
    small = school.runs("memory", "pictures.fit.samples=10000", "pictures.fit.numbers=64", "training.epochs=1")["sgd"]
    yield Measured("10,000 digits of 64 numbers fit", small.read("fit", "fits"), exactly(1), kind="exact")


@row("S15", "grad-noise")
def gradient_noise(school: TrainingCache) -> Iterator[Measured]:
    """Batch gradients at the initial weights, which all four runs share, so one run measures them."""
    run = school.runs("grad-noise")["batch-8"]
    for scheme in ("with", "without"):
        for size, ratio in run.reads("gradient-noise", scheme).items():
            claim = f"variance of a batch's gradient over theory, {scheme} replacement, B = {size}"
            yield Measured(claim, ratio, within(0.9, 1.1))
    slope = run.read("gradient-noise", "slope_with")
    yield Measured("slope of the variance over B, logarithms", slope, about(-1, 0.05))
    off = run.read("gradient-noise", "bias")
    yield Measured("distance of the mean of the draws from the gradient, in its standard errors", off, below(2))


@row("S16", "batch-size")
def samples_in_a_step(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("batch-size")
    wiggle = {name: _wiggle(run) for name, run in runs.items()}
    for name, bound in (("batch-1", 2.0), ("batch-8", 0.5), ("batch-32", 0.1), ("batch-128", 0.03)):
        yield Measured(f"wiggle of the batch losses in the last epoch, {name}", wiggle[name], above(bound))
    yield Measured("the same, full batch", wiggle["full"], exactly(0), kind="exact")
    falls = [after < before for before, after in pairwise(wiggle.values())]
    yield Measured("share of larger batches that wiggle less", fmean(falls), exactly(1))


def _wiggle(run: TrainedRun) -> float:
    """Return the standard deviation of the batch losses in the last epoch over their mean."""
    losses = run.batch_losses(len(run.epochs))
    return pstdev(losses) / fmean(losses)


@row("S17", "sampling")
def coverage(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("sampling")
    seen = {name: fmean(runs[name].readings("coverage", "seen_share")) for name in ("shuffle", "replacement")}
    claim = "share of the samples that an epoch sees"
    yield Measured(f"{claim}, shuffle", seen["shuffle"], exactly(1), key="seen-shuffle", kind="by construction")
    yield Measured(f"{claim}, replacement", seen["replacement"], about(0.632, 0.02), key="seen-replacement")


@row("S18", "gd-vs-sgd")
def by_iteration(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("gd-vs-sgd")
    ratio = _gap_after(runs["sgd"], 5) / _gap_after(runs["gd"], 5)
    yield Measured("suboptimality after 5 iterations, SGD over GD", ratio, above(1.5), key="ahead")
    for name, known in (("gd", "lr of gradient descent"), ("sgd", "lr of sgd")):
        off = runs[name].config.optimizer.lr / runs[name].setup.data.known[known] - 1
        yield Measured(f"rate over theory's minus 1, {name}", off, about(0, 0.08))
    equal = school.runs("gd-vs-sgd", "data.condition=1", "training.epochs=10")
    needed = equal["gd"].first_step("suboptimality", 1e-6)
    yield Measured("steps of GD to a millionth, equal columns", needed, below(30), key="equal-steps")
    higher = _floor(equal["sgd"], 6, 10) / _floor(runs["sgd"], 6, 10)
    claim = "floor of SGD at the preset's rate, equal columns over condition 100"
    yield Measured(claim, higher, above(2), key="equal-floor")


def _floor(run: TrainedRun, first: int, last: int) -> float:
    """Return the mean suboptimality from one epoch to another."""
    return fmean(run.column("suboptimality", (first - 1) * run.per_epoch + 1, last * run.per_epoch))


@row("S19", "gd-vs-sgd")
def by_epoch(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("gd-vs-sgd")
    sgd = runs["sgd"]
    ratio = _gap_after(sgd, sgd.per_epoch) / _gap_after(runs["gd"], 1)
    yield Measured(
        "suboptimality after one epoch of SGD over that after one iteration of GD", ratio, below(0.25), key="ahead"
    )


@row("S20", "gd-vs-sgd")
def medium_accuracy(school: TrainingCache) -> Iterator[Measured]:
    """The floor in the preset; where the curves cross, on columns of one size, where both runs are short."""
    runs = school.runs("gd-vs-sgd")
    constant, decayed = runs["sgd"], runs["sgd-decay"]
    floor, lower = (_floor(run, 20, 20) for run in (constant, decayed))
    yield Measured("mean suboptimality in epoch 20, constant rate", floor, within(5e-4, 3e-2), key="floor")
    yield Measured("mean suboptimality in epoch 20, constant rate over falling", floor / lower, above(20), key="floors")
    for noise in (1.0, 0.0):
        gd, sgd, falling = _at_its_rates(school, noise)
        crossing = _overtaken(sgd, gd)
        if noise:
            yield Measured("epoch in which GD overtakes, equal columns", crossing, within(2, 4))
            later = _overtaken(falling, gd) - crossing
            yield Measured("the same with a falling rate, epochs later", later, above(0.5), of="mean")
        else:
            yield Measured("GD overtakes within 20 epochs, no noise", float(isfinite(crossing)), exactly(0))


def _at_its_rates(school: TrainingCache, noise: float) -> list[TrainedRun]:
    """The preset's three runs on 2,000 rows with equal columns, each at the rate that theory has for these rows."""
    overrides = (
        "data.condition=1", "data.batch_size=32", f"data.noise={noise}", "training.epochs=20",
        f"training.seed={school.seed}",
    )  # fmt: skip
    made: list[TrainedRun] = []
    for name, config in load("gd-vs-sgd", overrides).runs.items():
        known = config.data.build(school.seed, wide=True).known
        rate = known["lr of gradient descent" if name == "gd" else "lr of sgd"]
        changes: dict[str, object] = {"optimizer": config.optimizer.model_copy(update={"lr": rate})}
        if isinstance(config.scheduler, InverseTime):
            changes["scheduler"] = config.scheduler.model_copy(update={"decay": 1 / 63})
        made.append(school.train(config.model_copy(update=changes), f"gd-vs-sgd {name}, noise {noise:g}"))
    return made


def _gap_after(run: TrainedRun, step: int) -> float:
    """Return (f - f*) / (f0 - f*) after this many steps."""
    return run.record.rows[step]["suboptimality"]


def _overtaken(run: TrainedRun, gd: TrainedRun) -> float:
    """Return the first epoch at whose end gradient descent is lower; infinity if never."""
    for epoch in range(1, len(run.epochs) + 1):
        if _gap_after(gd, epoch) < _gap_after(run, epoch * run.per_epoch):
            return float(epoch)
    return inf


@row("S21", "robbins-monro")
def robbins_monro(school: TrainingCache) -> Iterator[Measured]:
    """Sixteen walks side by side for each rule, the coordinates of a round bowl: one alone may be lucky.

    The engine trains the first epoch; the walk of all epochs is a line of arithmetic over the same samples.
    """
    start = ", ".join(["10.0"] * 16)
    overrides = ("data.dimensions=16", "data.condition=1", f"data.start=[{start}]")
    runs = school.runs("robbins-monro", *overrides, "training.epochs=1")
    whole = load("robbins-monro", overrides).runs
    walks = {name: _walk(run, whole[name].training.epochs) for name, run in runs.items()}
    off = max(
        abs(run.record.rows[step]["suboptimality"] * 50 - walks[name][1][step])
        for name, run in runs.items()
        for step in range(10, run.per_epoch + 1, 10)
    )
    claim = "f of the run minus that of the walk, first epoch, largest"
    yield Measured(claim, off, below(1e-9), kind="by construction")
    rates = {name: walk[0] for name, walk in walks.items()}
    pairs = [pair for name, run in runs.items() for pair in zip(run.column("lr"), rates[name], strict=False)]
    claim = "rate of the run minus that of the walk, first epoch, largest"
    yield Measured(claim, max(abs(rate - ours) for rate, ours in pairs), exactly(0), kind="by construction")
    # f = 50 at the start of each walk.
    tail = {name: fmean(values[10_000:]) for name, (_, values) in walks.items()}
    settled = fmean(walks["constant"][1][1_000:])
    yield Measured("mean of f, constant rate of .1, over .1/(2(2 - .1))", settled / (0.1 / 3.8), about(1, 0.15))
    yield Measured(
        "sum of the rates, .5/(1 + 5k)",
        sum(rates["one-over-t-too-fast"]),
        within(1.4, 1.7),
        key="sum-fast",
        kind="exact",
    )
    # What is left of x without noise is the product of (1 - t), and f = 50 times its square.
    for name, key in (("exponential", "left"), ("one-over-t-too-fast", "left-fast")):
        left = prod(1 - rate for rate in rates[name])
        claim = f"product of (1 - t) over the sum's e^-(sum of t), {name}"
        yield Measured(claim, left / exp(-sum(rates[name])), within(0.7, 1.1), kind="exact")
        yield Measured(f"share of the way that is left without noise, {name}", left, below(0.5), key=key, kind="exact")
    yield Measured("mean of f over the second half, .5/(1 + .05k)", tail["one-over-t"], below(5e-4))
    yield Measured("the same, .1 x .9^k: stuck", tail["exponential"], above(5), key="stuck")
    yield Measured("the same, .5/(1 + 5k): stuck", tail["one-over-t-too-fast"], above(1), key="stuck-fast")
    sums = {name: (sum(used), sum(rate**2 for rate in used)) for name, used in rates.items()}
    yield Measured(
        "sum of the rates, .1 x .9^k", sums["exponential"][0], about(1, 1e-6), key="sum-exponential", kind="exact"
    )
    yield Measured("sum of the rates, .5/(1 + .05k)", sums["one-over-t"][0], above(50), key="sum-slow", kind="exact")
    yield Measured(
        "sum of their squares, .5/(1 + .05k)", sums["one-over-t"][1], below(6), key="squares-slow", kind="exact"
    )
    yield Measured(
        "sum of the squares, constant rate of .1", sums["constant"][1], above(100), key="squares-constant", kind="exact"
    )


def _walk(run: TrainedRun, epochs: int) -> tuple[list[float], list[float]]:
    """Return the rate of each step, and the mean of f = x^2/2 over the coordinates before and after each step.

    x <- x - t (x + noise) with the noise of the sample that the run would draw, as in `QuadraticFunction`.
    """
    batches, noise = run.setup.batches, run.setup.data.train.inputs.numpy()
    start = run.config.optimizer.lr
    scheduler, length = run.config.scheduler, batches.per_epoch
    x = noise[0] * 0 + 10.0
    rates: list[float] = []
    values = [float((x * x).mean()) / 2]
    for epoch in range(epochs):
        order = batches.order(epoch)
        assert order is not None, "samples are drawn with replacement"
        for index in order.tolist():
            step = len(rates)
            clock = Clock(step=step, epoch=epoch, total=epochs * length, steps_per_epoch=length)
            rates.append(scheduler.rate(start, clock))
            x = x - rates[-1] * (x + noise[index])
            values.append(float((x * x).mean()) / 2)
    return rates, values


@row("S28", "zigzag")
def zigzag(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("zigzag")
    run = runs["exact-line-search"]
    there = int(run.first_step("suboptimality", 1e-6))
    moves = _moves(run)[:there]
    turns = [float(a[1] * b[1]) < 0 for a, b in pairwise(moves)]
    claim = "cosine of successive steps, exact line search, largest"
    yield Measured(claim, max(map(abs, _cosines(moves))), below(1e-6), kind="exact")
    yield Measured("share of steps in which the steep coordinate turns round", fmean(turns), exactly(1), kind="exact")
    for condition, name in ((10, "exact-line-search"), (1000, "condition-1000")):
        theory = ((condition - 1) / (condition + 1)) ** 2
        needed = runs[name].first_step("suboptimality", 1e-6)
        claim = f"iterations to a millionth, condition {condition}"
        yield Measured(claim, needed, about(ceil(log(1e-6) / log(theory)), 1), key=f"steps-{condition}", kind="exact")
        left = _gap_after(runs[name], 11) / _gap_after(runs[name], 10)
        claim = f"share of f that is left after a step, condition {condition}"
        yield Measured(claim, left, about(theory, 1e-6), key=f"left-{condition}", kind="exact")
    mean = fmean(_cosines(_moves(runs["one-over-L"])))
    claim = "mean cosine of successive steps at the rate 1/L"
    yield Measured(claim, mean, above(0.99), key="cosine-1-over-L", kind="exact")
    back = fmean(_cosines(_moves(runs["two-over-L-plus-mu"])))
    claim = "mean cosine of successive steps at the rate 2/(L + mu) from (1, 1)"
    yield Measured(claim, back, about(-99 / 101, 1e-6), key="cosine-back", kind="exact")
    same = school.runs("zigzag", "data.start=[10.0, 1.0]")["two-over-L-plus-mu"]
    apart = max(float((a - b).norm()) for a, b in zip(_moves(same), _moves(run), strict=True))
    claim = "largest difference from the steps of exact line search, 2/(L + mu) from (10, 1)"
    yield Measured(claim, apart, below(1e-9), kind="exact")


def _cosines(moves: list[Tensor]) -> list[float]:
    """Return the cosine of the angle between each step and the next."""
    return [float(a @ b / (a.norm() * b.norm())) for a, b in pairwise(moves)]


def _moves(run: TrainedRun) -> list[Tensor]:
    """Return the steps of a point in the plane."""
    columns = [run.column(f"coordinate/{axis}", 0) for axis in (1, 2)]
    return list(torch.tensor(list(zip(*columns, strict=True)), dtype=torch.float64).diff(dim=0))


@row("S29", "second-order")
def second_order(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("second-order")
    for name, bound in (
        ("newton", exactly(1)), ("bfgs", exactly(2)), ("heavy-ball", below(160)), ("nesterov", below(300)),
        ("gradient-descent", above(6800)),
    ):  # fmt: skip
        yield Measured(
            f"iterations to a millionth, {name}",
            runs[name].first_step("suboptimality", 1e-6),
            bound,
            key=f"steps-{name}",
            kind="exact",
        )
    yield Measured(
        "power of n with which the time of Newton's step grows", _power_of_newton(), within(2.2, 3.3), key="power"
    )
    kept = optimizer_for(runs["heavy-ball"].config.optimizer, runs["heavy-ball"].setup.model)
    for parameter in runs["heavy-ball"].setup.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    kept.step()
    floats = sum(value.numel() for state in kept.state.values() for value in state.values() if value is not None)
    yield Measured("numbers that momentum keeps for each parameter", floats / 2, exactly(1), kind="by construction")


def _power_of_newton() -> float:
    """The slope of the time to solve for Newton's step over the number of parameters, 200 to 1600, logarithms."""
    sizes = (200, 400, 800, 1600)
    seconds: list[float] = []
    for size in sizes:
        hessian = size * torch.eye(size, dtype=torch.float64) + torch.ones(size, size, dtype=torch.float64)
        gradient = torch.ones(size, dtype=torch.float64)
        best = inf
        for _ in range(max(16000 // size, 10)):
            begun = time.thread_time()
            solve(hessian, gradient, 0.0)
            best = min(best, time.thread_time() - begun)
        seconds.append(best)
    slope, _ = linear_regression([log(size) for size in sizes], [log(value) for value in seconds])
    return slope
