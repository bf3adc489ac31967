"""Checks S37 to S42 and S48: diagnosis of the learning rate from curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import fmean

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tui_trainer.lecture.claims import Measured, about, above, below, exactly, within
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache
from tui_trainer.protocol.commands import RollBack, SetLearningRate


@row("S37", "lr-very-high")
def very_high_rate(school: TrainingCache) -> Iterator[Measured]:
    """The alarm, what its two actions make of the run where it rang, and the rate at which a bowl is left."""
    runs = school.runs("lr-very-high")
    for name, run in runs.items():
        said = run.found("DIVERGE")
        yield Measured(f"epoch of the alarm, {name}", said.epoch if said is not None else math.inf, below(5))
        if name != "climbing":  # whose rate is high at the end alone
            ended = math.ceil(run.record.last_step / run.per_epoch)
            yield Measured(f"epoch in which the run ended, {name}", ended, _ENDS[name], key=f"ended-{name}")
        yield Measured(
            f"the run ended at the first loss that is NaN or inf, {name}",
            float(run.diverged),
            exactly(1),
            kind="by construction",
        )
    said = runs["climbing"].found("DIVERGE")
    assert said is not None, "a claim above says so"
    proposed = [(action.action, action.value) for action in said.actions]
    asks = float(proposed == [("roll_back", ""), ("rate", "/10")])
    yield Measured(
        "the alarm proposes the way back to the best epoch and a tenth of the rate",
        asks,
        exactly(1),
        kind="by construction",
    )
    pressed = [
        (said.step, RollBack(to="best", by="the check")),
        (said.step, SetLearningRate(factor=0.1, by="the check")),
    ]
    saved = school.train(
        runs["climbing"].config, "lr-very-high climbing, saved by a roll-back and a lower rate", script=pressed
    )
    yield Measured(
        "training loss at the end, best weights back and a tenth of the rate",
        saved.at(-1, "train_loss"),
        below(0.1),
        key="recovered",
    )
    for share, bound in ((2.01, above(1e20)), (1.9, below(1e-6))):
        bowl = school.runs("zigzag", f"optimizer.lr={share / 10}", "training.epochs=1000")["one-over-L"]
        gap = bowl.record.rows[bowl.record.last_step]["suboptimality"]
        yield Measured(
            f"suboptimality on a bowl at the rate {share:g}/L, over that at the start", gap, bound, kind="exact"
        )


_ENDS = {"ten": exactly(1), "three": within(2, 5)}


@row("S38", "lr-low")
def low_rate(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("lr-low")
    low, good = (runs[name].at(-1, "train_loss") for name in ("low", "good"))
    yield Measured("training loss after 30 epochs, rate .001 over rate .3", low / good, above(150), key="behind")
    falls = sum(runs["low"].at(epoch + 1, "train_loss") < runs["low"].at(epoch, "train_loss") for epoch in range(1, 30))
    yield Measured("share of epochs in which the low rate's loss fell", falls / 29, exactly(1))
    yield Measured(
        "epoch in which the diagnosis finds that the rate looks low", runs["low"].first_finding("LR_LOW"), below(4)
    )
    yield Measured("findings of the good rate", len(runs["good"].findings), exactly(0))


@row("S39", "lr-high")
def high_rate(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("lr-high")
    low, good, high, dropped = (runs[name].at(-1, "train_loss") for name in ("low", "good", "high", "high-then-drop"))
    yield Measured("training loss after 20 epochs, high over good", high / good, above(1.3), key="high-over-good")
    yield Measured("training loss after 20 epochs, high over low", high / low, below(1), key="high-over-low")
    yield Measured("very high: its loss became infinite or NaN", float(runs["very-high"].diverged), exactly(1))
    yield Measured(
        "training loss with a tenth of the rate for the last 4 epochs, over without",
        dropped / high,
        below(0.8),
        key="dropped",
    )
    found = runs["high"].first_finding("LR_HIGH", "PLATEAU_NOISE")
    yield Measured("epoch in which the diagnosis finds the steps of the high rate too large", found, below(16))


@row("S40", "too-few-epochs")
def too_few_epochs(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("too-few-epochs")
    short, long = (runs[name].at(-1, "train_loss") for name in ("short", "long"))
    yield Measured("training loss, 5 epochs over 30", short / long, above(5), key="ratio")
    slope = 1 - runs["short"].at(5, "train_loss") / runs["short"].at(4, "train_loss")
    claim = "share of its loss that the short run still lost in its last epoch"
    yield Measured(claim, slope, above(0.1), key="slope")
    found = runs["short"].first_finding("STOPPED_TOO_SOON")
    yield Measured("epoch in which the diagnosis finds that the short run was still improving", found, exactly(5))
    others = sum(said.finding != "STOPPED_TOO_SOON" for said in runs["short"].findings)
    yield Measured("findings of the short run beside that one", others, exactly(0))


@row("S41", "lr-high", "lr-very-high")
def remember_the_staircase(school: TrainingCache) -> Iterator[Measured]:
    said = school.runs("lr-high")["high"].found("LR_HIGH")
    advice = said.advice if said is not None else ""
    yield Measured(
        "the finding of a high rate names StepLR", float("StepLR" in advice), exactly(1), kind="by construction"
    )
    proposed = [(action.action, action.value) for action in said.actions] if said is not None else []
    asks = float(proposed == [("rate", "/10"), ("schedule", "staircase")])
    yield Measured(
        "the finding proposes a tenth of the rate and the staircase", asks, exactly(1), kind="by construction"
    )


@row("S42", "layer-speed")
def layers_at_different_speeds(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("layer-speed")
    ratios = {name: _speeds(runs[name]) for name in ("two-hidden", "three-hidden", "four-hidden")}
    every = [ratio for found in ratios.values() for ratio in found]
    for name, found in ratios.items():
        yield Measured(f"gradient of a layer over that of the one before, mean, {name}", fmean(found), within(3.5, 7))
    yield Measured("the same, smallest of all nets", min(every), within(3.8, 6.4), key="smallest")
    yield Measured("the same, largest of all nets", max(every), within(3.8, 6.4), key="largest")
    plain, adam = (runs[name].best("val_accuracy") for name in ("four-hidden", "four-hidden-adam"))
    yield Measured("validation accuracy with four hidden layers, SGD at .1", plain, below(0.2), key="sgd")
    yield Measured("the same, Adam", adam, above(0.9), key="adam")
    for name, optimizer, bound in (
        ("lr-3", "SGD at 3", below(0.5)),
        ("rmsprop", "RMSprop", above(0.9)),
        ("adagrad", "Adagrad", above(0.85)),
    ):
        best = runs[f"four-hidden-{name}"].best("val_accuracy")
        yield Measured(f"the same, {optimizer}", best, bound, key=name)


def _speeds(run: TrainedRun) -> list[float]:
    """The mean length over samples of each hidden layer's d over that of the one before, at the first weights.

    d is the gradient of a sample's own cost by what goes into the layer's activation, as in Nielsen's book.
    """
    train, model = run.setup.data.train, run.setup.model
    seen: list[Tensor] = []
    linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]

    def see(layer: torch.nn.Module, given: tuple[Tensor, ...], sums: Tensor) -> None:
        seen.append(sums)

    hooks = [layer.register_forward_hook(see) for layer in linear]
    last = {name: value.clone() for name, value in model.state_dict().items()}
    model.load_state_dict(run.weights[0])
    # The objective is a mean: its gradient by a sample's sums is that sample's own over the number of samples.
    cost = run.setup.objective(model(train.inputs), train.targets) * len(train)
    lengths = [found.norm(dim=1).mean().item() for found in torch.autograd.grad(cost, seen[:-1])]
    for hook in hooks:
        hook.remove()
    model.load_state_dict(last)
    return [after / before for before, after in pairwise(lengths)]


@row("S48", "grad-norm-stop", "hessian-stop")
def gradient_norm(school: TrainingCache) -> Iterator[Measured]:
    run = school.runs("grad-norm-stop")[""]
    yield Measured(
        "training loss, first epoch over last", run.at(1, "train_loss") / run.at(-1, "train_loss"), above(2), key="fall"
    )
    kept = run.read("gradient-norms", "mini_share")
    yield Measured(
        "median mini-batch gradient norm, after the last epoch over before the first", kept, above(0.5), key="kept"
    )
    least = run.read("gradient-norms", "mini_least")
    yield Measured("smallest mini-batch gradient norm after the last epoch", least, above(0.5), key="least")
    train = run.setup.data.train
    counted = _operations(run, len(train)) / _operations(run, 32)
    claim = "operations of the whole gradient over those of 32 samples"
    yield Measured(claim, counted, about(len(train) / 32, 0.01), key="operations", kind="exact")
    yield from _hessian_as_rule(school.runs("hessian-stop")[""])


def _hessian_as_rule(run: TrainedRun) -> Iterator[Measured]:
    """Both rules on one run: the gradient norm alone, and with the smallest eigenvalue of the Hessian."""
    taken = run.pictures["hessian"]
    first = taken[0].numbers
    claim = "gradient norm at the first weights, near a saddle"
    yield Measured(claim, first["gradient"] or math.nan, below(0.01), key="saddle-gradient")
    claim = "smallest eigenvalue of the Hessian there"
    yield Measured(claim, first["smallest"] or math.nan, below(-0.01), key="saddle-eigenvalue")
    yield Measured("training loss there", run.at(1, "train_loss"), about(math.log(2), 0.002), key="saddle")
    stop = next((event.epoch for event in taken if _is_minimum(event.numbers)), 0)
    yield Measured("epoch at which no eigenvalue is below -.01 either", stop or math.inf, above(50), key="stop")
    loss = run.at(stop, "train_loss") if stop else math.inf
    yield Measured("training loss at that epoch", loss, below(0.05), key="stop-loss")
    ratio = _hessian_operations(run) / _operations(run, len(run.setup.data.train))
    yield Measured(
        "operations of the Hessian over those of the gradient", ratio, above(10), key="hessian-operations", kind="exact"
    )


def _is_minimum(numbers: Mapping[str, float | None]) -> bool:
    gradient, smallest = numbers["gradient"], numbers["smallest"]
    return gradient is not None and smallest is not None and gradient <= 0.01 and smallest >= -0.01


def _hessian_operations(run: TrainedRun) -> int:
    """Count the operations of the Hessian, a row for each weight."""
    train, model = run.setup.data.train, run.setup.model
    parameters = list(model.parameters())
    with FlopCounterMode(display=False) as counter:
        cost = run.setup.objective(model(train.inputs), train.targets)
        gradient = torch.cat([part.flatten() for part in torch.autograd.grad(cost, parameters, create_graph=True)])
        for entry in gradient:
            torch.autograd.grad(entry, parameters, retain_graph=True, allow_unused=True)
    return counter.get_total_flops()


def _operations(run: TrainedRun, size: int) -> int:
    """Count the floating-point operations of a gradient over `size` samples, which no load of the machine changes."""
    train = run.setup.data.train
    with FlopCounterMode(display=False) as counter:
        cost = run.setup.objective(run.setup.model(train.inputs[:size]), train.targets[:size])
        torch.autograd.grad(cost, run.setup.parameters)
    return counter.get_total_flops()
