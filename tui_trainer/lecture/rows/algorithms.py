"""S14 to S21, S28 and S29: batches, epochs, and what a step costs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import log, sqrt
from statistics import fmean, linear_regression, pstdev

import torch
from torch import Tensor

from tui_trainer.lecture.claims import Measured, about, above, below, exactly, within
from tui_trainer.lecture.nets import optimizer_state, per_sample_gradients, saved_bytes
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.school import School
from tui_trainer.lecture.trained import Trained


@row("S14", "memory")
def memory(school: School) -> Iterator[Measured]:
    runs = school.runs("memory")
    sizes = (1, 8, 32, 128, 512)
    saved = [saved_bytes(runs["sgd"], size) for size in sizes]
    slope, start = linear_regression(sizes, saved)
    off = max(abs(start + slope * size - found) / found for size, found in zip(sizes, saved, strict=True))
    yield Measured("bytes that a step keeps: largest relative distance from a line in B", off, below(1e-6))
    yield Measured("bytes for each image in the step", slope, about(560, 1e-3))
    for name, numbers in (("sgd", 0), ("momentum", 1), ("adagrad", 1), ("rmsprop", 1), ("adam", 2)):
        yield Measured(
            f"numbers that the optimizer keeps for a weight, {name}", optimizer_state(runs[name]), exactly(numbers)
        )


@row("S15", "grad-noise")
def gradient_noise(school: School) -> Iterator[Measured]:
    """Draws of batches at the weights that training left, in float64."""
    each = per_sample_gradients(school.runs("grad-noise")["batch-32"])
    whole = each.mean(0)
    spread = (each - whole).square().sum(1).mean().item()
    count = len(each)
    generator = torch.Generator().manual_seed(school.seed)
    sizes = (1, 8, 32, 128, 512)
    for scheme in ("with", "without"):
        theory = [spread / size * (1 if scheme == "with" else (count - size) / (count - 1)) for size in sizes]
        drawn = [_batch_gradients(each, size, scheme == "with", generator) for size in sizes]
        found = [(means - whole).square().sum(1).mean().item() for means in drawn]
        for size, measured, expected in zip(sizes, found, theory, strict=True):
            claim = f"variance of a batch's gradient over theory, {scheme} replacement, B = {size}"
            yield Measured(claim, measured / expected, within(0.9, 1.1))
        if scheme == "with":
            slope, _ = linear_regression([log(size) for size in sizes], [log(value) for value in found])
            yield Measured("slope of the variance over B, logarithms", slope, about(-1, 0.05))
        off = max(
            (means.mean(0) - whole).norm().item() / sqrt(value / DRAWS)
            for means, value in zip(drawn, theory, strict=True)
        )
        yield Measured(
            f"distance of the mean of the draws, in its standard errors, {scheme} replacement", off, below(2)
        )


DRAWS = 400


def _batch_gradients(each: Tensor, size: int, replacement: bool, generator: torch.Generator) -> Tensor:
    """The gradients `[DRAWS, parameters]` of batches that were drawn from the samples' own gradients."""
    weights = torch.zeros(DRAWS, len(each), dtype=each.dtype)
    for drawn in weights:
        if replacement:
            places = torch.randint(len(each), (size,), generator=generator)
        else:
            places = torch.randperm(len(each), generator=generator)[:size]
        drawn.index_add_(0, places, torch.ones(size, dtype=each.dtype))
    return weights @ each / size


@row("S16", "batch-size")
def samples_in_a_step(school: School) -> Iterator[Measured]:
    runs = school.runs("batch-size")
    wiggle = {name: _wiggle(run) for name, run in runs.items()}
    for name, bound in (("batch-1", 2.0), ("batch-8", 0.5), ("batch-32", 0.1), ("batch-128", 0.03)):
        yield Measured(f"wiggle of the batch losses in the last epoch, {name}", wiggle[name], above(bound))
    yield Measured("the same, full batch", wiggle["full"], exactly(0))
    falls = [after < before for before, after in pairwise(wiggle.values())]
    yield Measured("share of larger batches that wiggle less", fmean(falls), exactly(1))


def _wiggle(run: Trained) -> float:
    """Deviation of the batch losses of the last epoch over their mean."""
    losses = run.batch_losses(len(run.epochs))
    return pstdev(losses) / fmean(losses)


@row("S17", "sampling")
def coverage(school: School) -> Iterator[Measured]:
    for name, bound in (("shuffle", exactly(1)), ("replacement", about(0.632, 0.02))):
        run = school.runs("sampling")[name]
        yield Measured(f"share of the samples that an epoch sees, {name}", _seen(run), bound)


def _seen(run: Trained) -> float:
    """The mean over the run's epochs of the share of samples that came up."""
    batches = run.shop.batches
    orders = [batches.order(epoch) for epoch in range(len(run.epochs))]
    return fmean(len(set(order.tolist())) / len(order) for order in orders if order is not None)
