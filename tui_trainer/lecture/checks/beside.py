"""Checks X01 to X08: rows beside the slides, which each course of today teaches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import fmean, median

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tui_trainer.lecture.claims import Measured, about, above, below, exactly, within
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache


@row("X01", "backprop")
def back_propagation(school: TrainingCache) -> Iterator[Measured]:
    """The chain rule against autograd, and against differences with steps of five sizes."""
    run = school.runs("backprop")[""]
    apart = max(run.readings("backprop", "apart"))
    yield Measured("gradient by the chain rule minus autograd's, largest of the run", apart, below(1e-12), kind="exact")
    errors = run.reads("gradient-check", "error", epoch=0)
    for step, bound, key in (
        ("0.1", above(1e-4), "large"),
        ("1e-05", below(1e-8), "good"),
        ("1e-12", above(1e-6), "tiny"),
    ):
        claim = f"difference from the numeric gradient over the largest gradient, h = {step}"
        yield Measured(claim, errors[step], bound, key=f"error-{key}", kind="exact")
    fourfold = errors["0.1"] / errors["0.001"]
    claim = "the same, h = .1 over h = .001 (100^2: second order)"
    yield Measured(claim, fourfold, about(10_000, 2000), kind="exact")
    passes = 2 * sum(parameter.numel() for parameter in run.setup.parameters)
    yield Measured("forward passes that the numeric gradient takes", passes, exactly(34), key="passes", kind="exact")
    fall = run.at(-1, "train_loss") / run.at(1, "train_loss")
    yield Measured("training loss at the end over at first", fall, below(1))
    cost = _operations(run, backward=True) / _operations(run, backward=False)
    claim = "operations of loss and gradient over those of the loss alone"
    yield Measured(claim, cost, within(1.5, 3.1), key="cost", kind="exact")


def _operations(run: TrainedRun, *, backward: bool) -> int:
    """Count the floating-point operations of the loss, or of the loss and its gradient."""
    train = run.setup.data.train
    with FlopCounterMode(display=False) as counter:
        loss = run.setup.objective(run.setup.model(train.inputs), train.targets)
        if backward:
            torch.autograd.grad(loss, run.setup.parameters)
    return counter.get_total_flops()


TURNS = 9
"""Steps over which the losses of the rate-range test are averaged."""


@row("X02", "rate-range")
def rate_range_test(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("rate-range")
    for name, bound in (("sgd", within(0.1, 3.0)), ("adam", within(0.003, 0.3))):
        run = runs[name]
        losses, rates = run.column("train_loss"), run.column("lr")
        smooth = [fmean(losses[k : k + TURNS]) for k in range(len(losses) - TURNS + 1)]
        turn = rates[smooth.index(min(smooth)) + TURNS // 2]
        yield Measured(f"rate at the lowest loss, {name}", turn, bound, key=f"turn-{name}")
        worst = min(max(losses[smooth.index(min(smooth)) :]) / losses[0], 1e6)
        claim = f"largest loss after the turn over the first loss, at most a million, {name}"
        yield Measured(claim, worst, above(1))
        constant = ("scheduler.kind=constant", "training.epochs=2", f"optimizer.lr={turn / 3:.6g}")
        third = school.runs("rate-range", *constant, *(() if name == "sgd" else ("optimizer.kind=adam",)))["sgd"]
        claim = f"validation accuracy after two epochs at a third of that rate, {name}"
        yield Measured(claim, third.at(-1, "val_accuracy"), above(0.85), key=f"third-{name}")


@row("X03", "overfit-tiny")
def overfit_a_few(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("overfit-tiny")
    right, broken = runs["right"], runs["broken"]
    yield Measured("images for training", len(right.setup.data.train), exactly(19), kind="by construction")
    yield Measured("loss of the first step", right.column("train_loss")[0], about(math.log(10), 0.4), key="start")
    yield Measured(
        "the same with zero weights minus ln 10",
        broken.column("train_loss")[0] - math.log(10),
        about(0, 1e-5),
        kind="exact",
    )
    yield Measured("training loss at the end", right.at(-1, "train_loss"), below(0.01), key="right")
    yield Measured("training accuracy at the end", right.at(-1, "train_accuracy"), exactly(1))
    yield Measured("training loss at the end, zero weights", broken.at(-1, "train_loss"), above(1.9), key="broken")
    yield Measured(
        "validation accuracy of the right network", right.at(-1, "val_accuracy"), below(0.8), key="validation"
    )


@row("X04", "clipping")
def clipping(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("clipping", weights_at=(1,))
    yield Measured("the run without a limit ends early", float(runs["no-limit"].diverged), exactly(1))
    tight = runs["limit-03"]
    yield Measured("validation accuracy with a limit of 1, best", runs["limit-1"].best("val_accuracy"), above(0.9))
    yield Measured("validation accuracy with a limit of .3", tight.at(-1, "val_accuracy"), above(0.93))
    norms = tight.column("grad_norm", last=tight.per_epoch)
    share = fmean(float(norm > 0.3) for norm in norms)
    yield Measured("share of the steps of the first epoch that are cut at .3", share, above(0.5), key="share")
    longest, apart = _retraced(tight)
    yield Measured("longest step of the first epoch over rate times limit", longest, below(1 + 1e-5), kind="exact")
    claim = "weights after the first epoch, retraced by the formula, relative difference"
    yield Measured(claim, apart, below(1e-3), kind="by construction")


def _retraced(run: TrainedRun) -> tuple[float, float]:
    """Retrace the first epoch by the formula: the longest step over its bound, and how far the weights are off."""
    setup, weights = run.setup, run.weights[0]
    longest = 0.0
    for inputs, targets in setup.batches.epoch(0):
        leaves = {name: value.detach().clone().requires_grad_() for name, value in weights.items()}
        loss = setup.objective(torch.func.functional_call(setup.model, leaves, (inputs,)), targets)
        found: tuple[Tensor, ...] = torch.autograd.grad(loss, list(leaves.values()))
        norm = float(torch.cat([part.flatten() for part in found]).norm())
        factor = 3.0 * min(1.0, 0.3 / norm)
        longest = max(longest, factor * norm)
        weights = {name: value - factor * part for (name, value), part in zip(weights.items(), found, strict=True)}
    ended = run.weights[1]
    off = torch.cat([(weights[name] - ended[name]).flatten() for name in ended]).norm()
    return longest / (3.0 * 0.3), float(off / torch.cat([value.flatten() for value in ended.values()]).norm())


@row("X05", "weight-decay")
def weight_decay(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("weight-decay")
    plain, much = runs["none"], runs["much"]
    accuracy = {name: run.at(-1, "val_accuracy") for name, run in runs.items()}
    yield Measured("validation accuracy at the end, no decay", accuracy["none"], below(0.92), of="mean", key="plain")
    yield Measured(
        "validation accuracy at the end, a decay of .03", accuracy["much"], above(0.9), of="mean", key="decay"
    )
    yield Measured("gain in validation accuracy", accuracy["much"] - accuracy["none"], above(0.03), of="mean")
    dearer = much.at(-1, "train_loss") / plain.at(-1, "train_loss")
    yield Measured("training loss at the end, with decay over without", dearer, above(10), key="dearer")
    norm = _norm(much) / _norm(plain)
    yield Measured("norm of the weights, with decay over without", norm, below(0.6), key="norm")
    yield Measured(
        "training accuracy on labels that are partly wrong, no decay", plain.at(-1, "train_accuracy"), above(0.99)
    )


def _norm(run: TrainedRun) -> float:
    return math.sqrt(sum(float(parameter.detach().square().sum()) for parameter in run.setup.parameters))


@row("X06", "dropout")
def dropout(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("dropout")
    plain, dropped = runs["without"].at(-1, "val_accuracy"), runs["dropout"].at(-1, "val_accuracy")
    yield Measured("validation accuracy at the end, without", plain, below(0.92), of="mean", key="plain")
    yield Measured("validation accuracy at the end, dropout", dropped, above(0.92), of="mean", key="dropout")
    yield Measured("gain in validation accuracy", dropped - plain, above(0.05), of="mean")
    training = runs["dropout"].at(-1, "train_accuracy")
    yield Measured("training accuracy at the end, dropout", training, below(0.8), key="training")
    module = torch.nn.Dropout(0.5)
    torch.manual_seed(school.seed)
    mean = module(torch.ones(1_000_000)).mean().item()
    yield Measured("mean of ones after dropout in training", mean, about(1, 0.005), kind="exact")
    yield Measured("the same in validation", module.eval()(torch.ones(10)).mean().item(), exactly(1), kind="exact")


@row("X07", "batch-norm")
def batch_normalisation(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("batch-norm")
    plain, normed = runs["without"].best("val_accuracy"), runs["batch-norm"].at(-1, "val_accuracy")
    yield Measured("best validation accuracy in five epochs, without", plain, below(0.4), key="plain")
    yield Measured("validation accuracy after five epochs, batch normalisation", normed, above(0.85), key="norm")
    scaled = school.runs("batch-norm", "model.init.std=1.0")["batch-norm"].best("val_accuracy")
    claim = "the same with first weights ten times as large, best of five epochs"
    yield Measured(claim, scaled, above(0.3), key="scaled")
    off = _scale_cancels(school.seed)
    yield Measured("normalised sums of W and of 100 W, largest difference", off, below(1e-4), kind="exact")
    for name, bound in (("without", below(0.1)), ("batch-norm", above(0.3))):
        deviations = runs[name].reads("layers", "deviation")
        kept = deviations["hidden10"] / deviations["hidden1"]
        claim = f"deviation of what leaves the last hidden layer over the first, at the end, {name}"
        yield Measured(claim, kept, bound)


def _scale_cancels(seed: int) -> float:
    """Return the largest change of a normalised layer when its weights are multiplied by 100."""
    generator = torch.Generator().manual_seed(seed)
    inputs, weight = (torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in ((32, 64), (64, 64)))
    norm = torch.nn.BatchNorm1d(64, dtype=torch.float64)
    return (norm(inputs @ weight) - norm(100 * inputs @ weight)).abs().max().item()


@row("X08", "warm-up")
def warm_up(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("warm-up")
    at_once, warmed = (_ended(runs[name]) for name in ("at-once", "warm-up"))
    yield Measured(
        "validation accuracy at the end (0 if it diverged), full rate at once", at_once, below(0.75), key="at-once"
    )
    yield Measured("the same with a warm-up of four epochs", warmed, above(0.88), key="warmed")
    norms = {name: run.column("grad_norm") for name, run in runs.items()}
    early, late = norms["warm-up"][:5], norms["warm-up"][-40:]
    falls = median(early) / median(late)
    yield Measured(
        "median gradient norm of the first five steps over that of the last epoch", falls, above(5), key="falls"
    )
    half = 4 * runs["warm-up"].per_epoch
    rates = runs["warm-up"].column("lr")
    off = max(abs(rate - 0.15 * min(0.01 + 0.99 * k / half, 1)) for k, rate in enumerate(rates))
    yield Measured(
        "rate of each step minus .15 min(.01 + .99 k/160, 1), largest", off, below(1e-9), kind="by construction"
    )


def _ended(run: TrainedRun) -> float:
    """Return the last validation accuracy, 0 for a run that diverged."""
    return 0.0 if run.diverged or not run.epochs else run.at(-1, "val_accuracy")
