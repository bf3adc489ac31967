"""S14 to S21, S28 and S29: batches, epochs, and what a step costs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean, pstdev

from tui_trainer.lecture.claims import Measured, about, above, below, exactly, within
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.school import School
from tui_trainer.lecture.trained import Trained


@row("S14", "memory")
def memory(school: School) -> Iterator[Measured]:
    runs = school.runs("memory")
    off, slope = (runs["sgd"].read("memory", number) for number in ("residual", "bytes_per_sample"))
    yield Measured("bytes that a step keeps: largest relative distance from a line in B", off, below(1e-6))
    yield Measured("bytes for each image in the step", slope, about(560, 1e-3))
    for name, numbers in (("sgd", 0), ("momentum", 1), ("adagrad", 1), ("rmsprop", 1), ("adam", 2)):
        kept = runs[name].read("memory", "optimizer_floats_per_parameter")
        yield Measured(f"numbers that the optimizer keeps for a weight, {name}", kept, exactly(numbers))


@row("S15", "grad-noise")
def gradient_noise(school: School) -> Iterator[Measured]:
    """Draws of batches at the first weights, which all four runs share: the first one measures."""
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
        shares = school.runs("sampling")[name].readings("coverage", "seen_share")
        yield Measured(f"share of the samples that an epoch sees, {name}", fmean(shares), bound)
