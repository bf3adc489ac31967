"""S37 to S42 and S48: what a curve says of the rate, and what it does not."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch

from tui_trainer.lecture.claims import Measured, above, below, exactly, within
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.school import School
from tui_trainer.lecture.trained import Trained


@row("S38", "lr-low")
def low_rate(school: School) -> Iterator[Measured]:
    runs = school.runs("lr-low")
    low, good = (runs[name].at(-1, "train_loss") for name in ("low", "good"))
    yield Measured("training loss after 30 epochs, rate .001 over rate .3", low / good, above(50))
    falls = sum(runs["low"].at(epoch + 1, "train_loss") < runs["low"].at(epoch, "train_loss") for epoch in range(1, 30))
    yield Measured("share of epochs in which the low rate's loss fell", falls / 29, exactly(1))
    yield Measured("epoch in which the diagnosis says LR_LOW", runs["low"].first_finding("LR_LOW"), below(4))
    yield Measured("findings of the good rate", len(runs["good"].findings), exactly(0))


@row("S39", "lr-high")
def high_rate(school: School) -> Iterator[Measured]:
    runs = school.runs("lr-high")
    low, good, high, dropped = (runs[name].at(-1, "train_loss") for name in ("low", "good", "high", "high-then-drop"))
    yield Measured("training loss after 20 epochs, high over good", high / good, above(1.3))
    yield Measured("training loss after 20 epochs, high over low", high / low, below(1))
    yield Measured("very high: its loss left the numbers", float(runs["very-high"].diverged), exactly(1))
    yield Measured(
        "training loss with a tenth of the rate for the last 4 epochs, over without", dropped / high, below(0.8)
    )
    found = runs["high"].first_finding("LR_HIGH", "PLATEAU_NOISE")
    yield Measured("epoch in which the diagnosis says LR_HIGH or PLATEAU_NOISE of the high rate", found, below(16))


@row("S40", "too-few-epochs")
def too_few_epochs(school: School) -> Iterator[Measured]:
    runs = school.runs("too-few-epochs")
    short, long = (runs[name].at(-1, "train_loss") for name in ("short", "long"))
    yield Measured("training loss, 5 epochs over 30", short / long, above(3))
    slope = 1 - runs["short"].at(5, "train_loss") / runs["short"].at(4, "train_loss")
    yield Measured("share of its loss that the short run still lost in its last epoch", slope, above(0.01))
    found = runs["short"].first_finding("STOPPED_TOO_SOON")
    yield Measured("epoch in which the diagnosis says STOPPED_TOO_SOON of the short run", found, exactly(5))


@row("S48", "grad-norm-stop")
def gradient_norm(school: School) -> Iterator[Measured]:
    run = school.runs("grad-norm-stop")[""]
    yield Measured("training loss, first epoch over last", run.at(1, "train_loss") / run.at(-1, "train_loss"), above(2))
    kept = run.read("gradient-norms", "mini_share")
    yield Measured("median mini-batch gradient norm, after the last epoch over before the first", kept, above(0.5))
    least = run.read("gradient-norms", "mini_least")
    yield Measured("smallest mini-batch gradient norm after the last epoch", least, above(0.5))
    train = run.shop.data.train
    cost = _seconds(run, len(train)) / _seconds(run, 32)
    yield Measured("time of the whole gradient over that of 32 samples", cost, within(3, 30))


def _seconds(run: Trained, size: int) -> float:
    """The shortest of several gradients over `size` samples, in seconds of this thread."""
    train = run.shop.data.train
    inputs, targets = train.inputs[:size], train.targets[:size]
    parameters = run.shop.parameters
    best = math.inf
    for _ in range(30):
        begun = time.thread_time()
        torch.autograd.grad(run.shop.objective(run.shop.model(inputs), targets), parameters)
        best = min(best, time.thread_time() - begun)
    return best
