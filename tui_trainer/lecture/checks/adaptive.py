"""Checks S30 to S36: adaptive methods, with a scale per coordinate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import linear_regression, median

import torch
from torch import Tensor
from torch.optim import Adagrad, Adam, Optimizer, RMSprop

from tui_trainer.config.preset import load
from tui_trainer.lecture.claims import Bound, Measured, about, above, below, exactly, within
from tui_trainer.lecture.model_probes import error_on_test, gradients
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache
from tui_trainer.protocol.commands import SetOptimizer

Make = Callable[[list[Tensor]], Optimizer]


@row("S30", "coord-scale")
def scale_of_each_coordinate(school: TrainingCache) -> Iterator[Measured]:
    """From (1, 1), where the slope is 1 along the valley and 1000 across it."""
    runs = school.runs("coord-scale")
    for name, bound in (("sgd", about(0.001, 1e-12)), *((name, about(1, 1e-6)) for name in _SCALED)):
        along, across = (run_column[1] - run_column[0] for run_column in _coordinates(runs[name]))
        yield Measured(
            f"first step along the valley over that across, {name}", abs(along / across), bound, kind="exact"
        )
    turned = school.runs("coord-scale", "data.rotation=45", "training.epochs=60")
    for name, least in (("adagrad", 100), ("rmsprop", 9), ("adam", 9)):
        aligned = runs[name].first_step("suboptimality", 1e-6)
        claim = f"steps to a millionth along the axes, {name}"
        yield Measured(claim, aligned, below(200), key=f"steps-{name}", kind="exact")
        tilted = min(turned[name].first_step("suboptimality", 1e-6), 3000)  # the run's last step, where not reached
        claim = f"steps to a millionth, turned by 45 degrees (3000 if never) over along the axes, {name}"
        yield Measured(claim, tilted / aligned, above(least), key=f"turned-{name}", kind="exact")


_SCALED = ("adagrad", "rmsprop", "adam")


def _coordinates(run: TrainedRun) -> list[list[float]]:
    return [run.column(f"coordinate/{axis}", 0) for axis in (1, 2)]


@row("S31", "adagrad")
def adagrad(school: TrainingCache) -> Iterator[Measured]:
    """Compare the formula with torch's optimizer on the same gradients, in float64."""
    tape = _tape(school.seed)
    squares, outside, inside = torch.zeros(tape.shape[1], dtype=tape.dtype), tape[0] * 0, tape[0] * 0
    for gradient in tape:
        squares = squares + gradient**2
        outside = outside - 0.01 * gradient / (squares.sqrt() + 1e-2)
        inside = inside - 0.01 * gradient / (squares + 1e-2).sqrt()
    theirs = _walk(lambda weights: Adagrad(weights, lr=0.01, eps=1e-2), tape)[-1]
    yield Measured(
        "our update and torch's, relative difference", _apart(outside, theirs), below(1e-12), kind="by construction"
    )
    yield Measured(
        "epsilon inside the root and torch's, e = .01, relative difference",
        _apart(inside, theirs),
        above(0.01),
        kind="exact",
    )


@row("S32", "adagrad")
def adagrad_of_torch(school: TrainingCache) -> Iterator[Measured]:
    """Reproduce the run's losses with the formula, batch by batch."""
    run = school.runs("adagrad")["tuned"]
    weights = run.weights[0]
    squares = {name: torch.zeros_like(value) for name, value in weights.items()}
    off = 0.0
    for (inputs, targets), loss in zip(run.setup.batches.epoch(0), run.batch_losses(1), strict=True):
        ours = run.setup.objective(torch.func.functional_call(run.setup.model, weights, (inputs,)), targets).item()
        off = max(off, abs(ours / loss - 1))
        found = gradients(run, weights, inputs, targets)
        squares = {name: squares[name] + found[name] ** 2 for name in weights}
        weights = {name: weights[name] - 0.1 * found[name] / (squares[name].sqrt() + 1e-10) for name in weights}
    yield Measured(
        "batch losses of an epoch retraced by the formula, largest relative difference",
        off,
        below(1e-3),
        kind="by construction",
    )
    first = run.read("effective-step", "first")
    yield Measured("first step of the run over its rate, median over its weights", first, about(1, 0.01), key="first")
    slow, tuned = (school.runs("adagrad")[name].at(-1, "train_loss") for name in ("torch-default", "tuned"))
    yield Measured(
        "training loss after 10 epochs, torch's default rate over a good one", slow / tuned, above(2), key="slower"
    )


@row("S33", "adagrad-dies")
def adagrad_dies(school: TrainingCache) -> Iterator[Measured]:
    constant = torch.ones(2000, 4, dtype=torch.float64)
    yield Measured("slope of the effective step, constant gradient", _slope(constant), about(-0.5, 0.01), kind="exact")
    noise = torch.randn(2000, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(school.seed))
    yield Measured("slope of the effective step, noise", _slope(noise), about(-0.5, 0.03))
    runs = school.runs("adagrad-dies")
    plain = runs["adagrad"]
    config = load("adagrad-dies", [f"training.seed={school.seed}"]).runs["adagrad"]
    fresh = SetOptimizer(optimizer=config.optimizer, by="the check")
    cleared = school.train(config, "adagrad-dies cleared half way", script=[(15 * plain.per_epoch, fresh)])
    ratio = cleared.at(-1, "train_loss") / plain.at(-1, "train_loss")
    yield Measured("training loss with the sum cleared at epoch 15, over without", ratio, below(0.5), key="cleared")
    last = [median(runs[name].batch_losses(30)) for name in ("rmsprop", "adagrad")]
    yield Measured("median batch loss of the last epoch, RMSprop at the same rate", last[0], below(0.01))
    yield Measured("the same, RMSprop over Adagrad", last[0] / last[1], below(0.01))
    end, start = (plain.read("effective-step", f"at/{step}") for step in (1000, 1))
    yield Measured("median effective step of the run, step 1000 over step 1", end / start, below(0.5))


@row("S34", "rmsprop")
def rmsprop(school: TrainingCache) -> Iterator[Measured]:
    noise = torch.randn(2000, 1000, dtype=torch.float64, generator=torch.Generator().manual_seed(school.seed))
    methods: list[tuple[str, Make, Bound]] = [
        ("RMSprop, alpha .9", lambda weights: RMSprop(weights, lr=0.01, alpha=0.9), within(0.75, 1.05)),
        ("RMSprop, alpha .99", lambda weights: RMSprop(weights, lr=0.01), within(0.75, 1.05)),
        ("Adagrad", lambda weights: Adagrad(weights, lr=0.01), below(0.3)),
    ]
    for name, make, bound in methods:
        steps = _effective(make, noise)
        yield Measured(f"effective step under noise, step 2000 over step 100, {name}", steps[1999] / steps[99], bound)
    first = _walk(lambda weights: RMSprop(weights, lr=0.01), noise[:1])[1].abs()
    yield Measured("RMSprop's first step over its rate", (first / 0.01).max().item(), about(10, 1e-4), kind="exact")
    runs = school.runs("rmsprop")
    ran = runs["rmsprop"].read("effective-step", "first")
    yield Measured("the same of the run, median over its weights", ran, about(10, 0.1))
    yield Measured("validation accuracy after 10 epochs, RMSprop", runs["rmsprop"].best("val_accuracy"), above(0.93))
    for name, alpha, key in (("rmsprop", 0.99, "half-long"), ("short-memory", 0.9, "half-short")):
        kept = runs[name].reads("forgetting", "kept")
        off = max(abs(share - alpha ** int(age)) for age, share in kept.items())
        claim = f"share of a squared gradient that is left minus alpha^age, largest, {name}"
        yield Measured(claim, off, below(1e-12), kind="exact")
        half = math.ceil(math.log(0.5) / math.log(alpha))
        claim = f"steps until half of it is left, {name}"
        yield Measured(claim, runs[name].read("forgetting", "half"), exactly(half), key=key, kind="exact")
    kept = runs["adagrad"].reads("forgetting", "kept").values()
    yield Measured("smallest share that Adagrad keeps", min(kept), exactly(1), kind="exact")


@row("S36", "adam")
def adam(school: TrainingCache) -> Iterator[Measured]:
    tape = _tape(school.seed)
    corrected, bare = _adam(tape, correct=True), _adam(tape, correct=False)
    theirs = _walk(lambda weights: Adam(weights, lr=0.001), tape)
    yield Measured(
        "our update and torch's, relative difference",
        _apart(corrected[-1], theirs[-1]),
        below(1e-12),
        kind="by construction",
    )
    yield Measured(
        "without the correction, relative difference of the first step",
        _apart(bare[1], theirs[1]),
        above(1),
        kind="exact",
    )
    sizes = torch.logspace(-3, 3, 25, dtype=torch.float64).unsqueeze(0)
    first = _walk(lambda weights: Adam(weights, lr=0.001), sizes)[1].abs() / 0.001
    yield Measured(
        "first step over the rate minus 1, gradients of 1e-3 to 1e3, largest",
        (first - 1).abs().max().item(),
        below(2e-5),
        kind="exact",
    )
    plain = _adam(sizes, correct=False)[1].abs() / 0.001
    yield Measured(
        "first step over the rate without the correction",
        plain[-1].item(),
        about(0.1 / math.sqrt(0.001), 1e-3),
        key="bare",
        kind="exact",
    )
    run = school.runs("adam")["typical"]
    ran = run.read("effective-step", "first")
    yield Measured("first step of the run over its rate, median over its weights", ran, about(1, 0.01))
    ran = school.runs("adam")["no-correction"].read("effective-step", "first")
    claim = "the same without the correction"
    yield Measured(claim, ran, about(0.1 / math.sqrt(0.001), 0.03), key="bare-run")
    yield Measured("validation accuracy after 10 epochs, Adam", run.best("val_accuracy"), above(0.93))


def _tape(seed: int) -> Tensor:
    """Gradients `[steps, coordinates]` of very different sizes."""
    sizes = torch.logspace(-3, 1, 20, dtype=torch.float64)
    return torch.randn(500, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * sizes


def _walk(make: Make, tape: Tensor) -> list[Tensor]:
    """Return the weights under a torch optimizer from 0, before each gradient and after the last."""
    weights = torch.zeros(tape.shape[1], dtype=tape.dtype, requires_grad=True)
    optimizer = make([weights])
    path = [weights.detach().clone()]
    for gradient in tape:
        weights.grad = gradient.clone()
        optimizer.step()
        path.append(weights.detach().clone())
    return path


def _adam(tape: Tensor, *, correct: bool) -> list[Tensor]:
    """Apply the lecture's formula, with or without bias correction."""
    path, mean, square = [tape[0] * 0], tape[0] * 0, tape[0] * 0
    for step, gradient in enumerate(tape, start=1):
        mean = 0.9 * mean + (1 - 0.9) * gradient
        square = 0.999 * square + (1 - 0.999) * gradient**2
        first, second = (1 - 0.9**step, 1 - 0.999**step) if correct else (1.0, 1.0)
        path.append(path[-1] - 0.001 * (mean / first) / ((square / second).sqrt() + 1e-8))
    return path


def _effective(make: Make, tape: Tensor) -> list[float]:
    """Return the effective step size at each step: update over gradient, averaged over coordinates."""
    path = _walk(make, tape)
    return [
        ((before - after) / gradient).mean().item()
        for before, after, gradient in zip(path, path[1:], tape, strict=False)
    ]


def _slope(tape: Tensor) -> float:
    """Return the slope of log effective step over log step for Adagrad, from step 10 on."""
    steps = _effective(lambda weights: Adagrad(weights, lr=0.01), tape)
    places = range(10, len(steps))
    slope, _ = linear_regression([math.log(k + 1) for k in places], [math.log(steps[k]) for k in places])
    return slope


def _apart(one: Tensor, other: Tensor) -> float:
    return ((one - other).norm() / other.norm()).item()


@row("S35", "optimizer-race", "rate-sweep")
def most_popular(school: TrainingCache) -> Iterator[Measured]:
    """Run on digits, and the two most popular optimizers also on the tumour data."""
    runs = school.runs("optimizer-race")
    for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"):
        run = runs[name]
        allowed = 3 if name == "adam" else 4
        reached = run.first_epoch("val_accuracy", 0.95)
        yield Measured(f"epochs to 95 % validation accuracy on digits, {name}", reached, below(allowed))
        yield Measured(f"test accuracy on digits, {name}", 1 - error_on_test(run), above(0.93))
    sweep = school.runs("rate-sweep")
    for name, times, bound in (
        ("sgd", "hundredth", below(0.6)), ("sgd", "tenth", above(0.8)), ("sgd", "ten-times", below(0.2)),
        ("adam", "hundredth", below(0.6)), ("adam", "tenth", above(0.8)), ("adam", "ten-times", above(0.85)),
    ):  # fmt: skip
        run = sweep[f"{name}-{times}"]
        reached = run.at(4, "val_accuracy") if len(run.epochs) >= 4 else 0.0
        claim = f"validation accuracy after 4 epochs, 0 if it diverged, {name}-{times}"
        yield Measured(claim, reached, bound, key=f"{name}-{times}")
    tumours = school.runs("optimizer-race", "data.kind=breast-cancer")
    for name in ("momentum", "adam"):
        reached = tumours[name].first_epoch("val_accuracy", 0.95)
        yield Measured(f"epochs to 95 % validation accuracy on tumours, {name}", reached, below(4))
