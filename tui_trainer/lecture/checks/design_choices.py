"""Checks S01 to S13: hidden activation, head and loss."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import get_args

import torch
from pydantic import TypeAdapter
from torch import Tensor

from tui_trainer.components.activations import Activation, AnyActivation
from tui_trainer.components.base import choices
from tui_trainer.components.losses import AnyLoss
from tui_trainer.components.models import Head
from tui_trainer.config.preset import load
from tui_trainer.errors import UserError
from tui_trainer.lecture.claims import Measured, about, above, below, exactly, within
from tui_trainer.lecture.model_probes import accuracy, outputs
from tui_trainer.lecture.registry import row
from tui_trainer.lecture.trained_run import TrainedRun
from tui_trainer.lecture.training_cache import TrainingCache
from tui_trainer.nn.networks import head_module


@row("S01", "build")
def three_choices(school: TrainingCache) -> Iterator[Measured]:
    """Every pair of head and loss: either it runs, or it is refused with a reason."""
    runs = school.runs("build")
    other = ("half-mse", "value", "import")  # mse halved, a bowl's own height, code of the user's own
    losses = [kind for kind in choices(AnyLoss) if kind not in other]
    pairs = [f"{head}-{loss}" for head in get_args(Head) for loss in losses]
    refused = {pair: _refusal(*pair.split("-", 1)) for pair in pairs}
    shown = {name for name in runs if not name.startswith("hidden-")}
    allowed = {pair for pair, reason in refused.items() if not reason}
    yield Measured(
        "pairs of head and loss that are allowed and not shown",
        len(allowed ^ shown),
        exactly(0),
        kind="by construction",
    )
    silent = sum(reason is not None and "set " not in reason for reason in refused.values())
    yield Measured("refusals that do not say what to set instead", silent, exactly(0), kind="by construction")
    for pair in ("softmax-bce", "sigmoid-bce-with-logits", "softmax-cross-entropy"):
        yield Measured(f"{pair} is refused", float(refused[pair] is not None), exactly(1), kind="by construction")
    finite = sum(math.isfinite(run.at(1, "train_loss")) and not run.diverged for run in runs.values())
    yield Measured(
        "share of allowed pairs with a finite loss after an epoch", finite / len(runs), exactly(1), key="finite"
    )
    hidden = {"hidden-relu": runs["identity-cross-entropy"]}
    hidden |= {name: run for name, run in runs.items() if name.startswith("hidden-")}
    for name, run in hidden.items():
        reached = run.at(1, "val_accuracy")
        claim = f"validation accuracy after an epoch, cross-entropy, {name}"
        yield Measured(claim, reached, above(0.3), key=name)


def _refusal(head: str, loss: str) -> str | None:
    """Return why a pair is refused; None if it is valid."""
    try:
        load("build", [f"model.head={head}", f"loss.kind={loss}"])
    except UserError as error:
        return str(error)
    return None


@row("S02", "act-sign")
def sign_passes_no_gradient(school: TrainingCache) -> Iterator[Measured]:
    for name, run in school.runs("act-sign").items():
        hidden = [abs(value) for layer in (1, 2) for value in run.column(f"grad_norm/hidden{layer}")]
        yield Measured(
            f"steps at which the hidden layers were measured, {name}",
            len(hidden) / 2,
            exactly(len(run.epochs) * run.per_epoch),
            kind="by construction",
        )
        yield Measured(f"largest gradient of a hidden layer, {name}", max(hidden), exactly(0), kind="exact")
        moved = run.reads("layers", "movement")
        largest = max(moved["hidden1"], moved["hidden2"])
        yield Measured(f"larger movement of a hidden layer in 20 epochs, {name}", largest, exactly(0), kind="exact")
        yield Measured(
            f"gradient of the output layer at the first step, {name}", run.column("grad_norm/output")[0], above(0.5)
        )
        reached = run.at(-1, "val_accuracy")
        yield Measured(f"validation accuracy at the end, {name}", reached, within(0.6, 0.95), key=f"accuracy-{name}")


@row("S03", "perceptron")
def perceptron(school: TrainingCache) -> Iterator[Measured]:
    run = school.runs("perceptron")[""]
    # At w = 0 the first sample is a mistake whose loss is 0.
    mistakes = [sum(loss > 0 for loss in run.batch_losses(epoch)) + (epoch == 1) for epoch in range(1, 11)]
    known = run.setup.data.known
    yield Measured("first pass without a mistake", mistakes.index(0) + 1 if 0 in mistakes else math.inf, below(10))
    yield Measured("bound on the mistakes, (R/margin)^2", known["mistakes at most"], within(100, 600), key="bound")
    yield Measured("mistakes in all", sum(mistakes), below(100), key="mistakes")
    yield Measured("mistakes in all, over the bound (R/margin)^2", sum(mistakes) / known["mistakes at most"], below(1))
    train = run.setup.data.train
    with torch.no_grad():
        right = (run.setup.model(train.inputs).squeeze(1) > 0) == (train.targets == 1)
    yield Measured("training points on their side of the plane, share", right.double().mean().item(), exactly(1))


@row("S04", "act-lab")
def what_an_activation_needs(school: TrainingCache) -> Iterator[Measured]:
    """Read off the picture that each of the thirteen runs took of its own function."""
    runs = school.runs("act-lab")
    zeros = {kind: _of_function(runs, kind, "zero_share") for kind in choices(AnyActivation)}
    for kind, share in (("sign", exactly(1)), ("relu", about(0.5, 0.01))):
        yield Measured(f"share of z ~ N(0,1) where the derivative of {kind} is 0", zeros.pop(kind), share, kind="exact")
    yield Measured("the same share of all others, largest", max(zeros.values()), below(0.001), kind="exact")
    for kind, square in (("sigmoid", 0.045), ("tanh", 0.465), ("relu", 0.5), ("leaky-relu", 0.5), ("abs", 1.0)):
        mean = _of_function(runs, kind, "mean_square_derivative")
        yield Measured(
            f"mean squared derivative of {kind}", mean, about(square, 0.01), key=f"square-{kind}", kind="exact"
        )
    costs = _costs(("sign", "relu", "leaky-relu", "abs", "sigmoid", "tanh"))
    cheap = [costs[kind] for kind in ("sign", "relu", "leaky-relu", "abs")]
    claim = "dearest over cheapest of ReLU, leaky ReLU, abs and sign, in time"
    yield Measured(claim, max(cheap) / min(cheap), below(2.5))
    yield Measured("sigmoid over ReLU, in time", costs["sigmoid"] / costs["relu"], above(1.5))
    yield Measured("tanh over ReLU, in time", costs["tanh"] / costs["relu"], above(1.5))


TURNS = 300
FEW = 30_000
"""Numbers of one turn: they fit into the cache of one core, whatever else the machine does."""


def _costs(kinds: Sequence[str]) -> dict[str, float]:
    """Return the CPU seconds of each activation: the shortest of many turns, which they take in rotation."""
    numbers = torch.randn(FEW, generator=torch.Generator().manual_seed(0))
    functions = {kind: _built(kind) for kind in kinds}
    best = dict.fromkeys(kinds, math.inf)
    with torch.no_grad():
        for _ in range(TURNS):
            for kind, function in functions.items():
                begun = time.thread_time()
                function(numbers)
                best[kind] = min(best[kind], time.thread_time() - begun)
    return best


def _of_function(runs: Mapping[str, TrainedRun], kind: str, number: str) -> float:
    return runs[kind].read("activation", f"{number}/{kind}")


@row("S05", "act-lab")
def sigmoid(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("act-lab")
    steepest = _of_function(runs, "sigmoid", "max_derivative")
    yield Measured("largest derivative of the sigmoid", steepest, about(0.25, 1e-3), kind="exact")
    points = torch.linspace(-10, 10, 20_001, dtype=torch.float64, requires_grad=True)
    value = _built("sigmoid")(points)
    (slope,) = torch.autograd.grad(value.sum(), points)
    yield Measured(
        "difference from s(1 - s), largest",
        (slope - value * (1 - value)).abs().max().item(),
        below(1e-12),
        kind="by construction",
    )
    run = runs["sigmoid"]
    yield Measured("validation accuracy of one hidden layer of sigmoids", run.at(-1, "val_accuracy"), above(0.8))


@row("S06", "act-lab")
def hyperbolic_tangent(school: TrainingCache) -> Iterator[Measured]:
    points = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    built = _built("tanh")
    difference = (built(points) - (2 * torch.sigmoid(2 * points) - 1)).abs().max().item()
    yield Measured("tanh(z) minus 2 sigmoid(2z) - 1, largest", difference, below(1e-6), kind="exact")
    runs = school.runs("act-lab")
    yield Measured(
        "largest derivative of tanh", _of_function(runs, "tanh", "max_derivative"), about(1, 1e-6), kind="exact"
    )
    ahead = runs["tanh"].at(1, "val_accuracy") - runs["sigmoid"].at(1, "val_accuracy")
    yield Measured("tanh minus sigmoid, validation accuracy after an epoch", ahead, above(0.08))


@row("S07", "deep-act")
def deep_activations(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("deep-act")
    for name in ("relu", "leaky-relu", "tanh"):
        reached = runs[name].best("val_accuracy")
        yield Measured(f"best validation accuracy of ten layers, {name}", reached, above(0.93), of="mean")
    reached = runs["sigmoid"].best("val_accuracy")
    yield Measured("best validation accuracy of ten layers, sigmoid", reached, below(0.15))
    for epoch, when in ((0, "first weights"), (6, "weights after 6 epochs")):
        layers = list(runs["sigmoid"].reads("layers", "gradient", epoch=epoch).values())
        claim = f"sigmoid: gradient of the last layer over the first, at the {when}"
        yield Measured(claim, layers[-1] / layers[0], above(1e4), key=f"vanished-{epoch}")


@row("S08", "deep-act")
def absolute_value(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("deep-act")
    yield Measured("best validation accuracy, abs with a gain of 1", runs["abs"].best("val_accuracy"), above(0.88))
    wide, fit = (runs[name].read("layers", "deviation/logits", epoch=0) for name in ("abs-kaiming", "abs"))
    yield Measured("deviation of the first logits, gain sqrt 2 over gain 1", wide / fit, above(10))
    left = accuracy(runs["abs-kaiming"])
    yield Measured("validation accuracy at the end, abs with the ReLU's gain", left, below(0.15))


@row("S09", "head-regression", "head-vector")
def identity_head(school: TrainingCache) -> Iterator[Measured]:
    identity, squashed = (school.runs("head-regression")[name].best("val_loss") for name in ("identity", "sigmoid"))
    yield Measured("best validation error, identity head (guessing the mean: 1)", identity, below(0.65))
    yield Measured("how much worse the sigmoid head is", squashed - identity, above(0.1))
    vectors = school.runs("head-vector")
    identity, squashed = (vectors[name].best("val_loss") for name in ("identity", "sigmoid"))
    yield Measured(
        "best validation error for vectors of two numbers, identity head", identity, below(0.02), key="vector"
    )
    yield Measured("the same, sigmoid head", squashed, above(0.4), key="vector-sigmoid")
    width = vectors["identity"].setup.data.train.targets.shape[-1]
    yield Measured("numbers in a target", width, exactly(2), kind="by construction")


@row("S10", "head-binary")
def sigmoid_head(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("head-binary")
    entropy, square = (runs["cross-entropy"].read("output-gradient", f"{loss}_at_-10") for loss in ("bce", "mse"))
    yield Measured(
        "pull of the cross-entropy at z = -10, truth 1", entropy, about(1, 1e-3), key="pull-bce", kind="exact"
    )
    yield Measured("pull of the squared error there", square, below(1e-3), key="pull-mse", kind="exact")
    ahead = runs["cross-entropy"].at(1, "val_accuracy") - runs["squared-error"].at(1, "val_accuracy")
    yield Measured("cross-entropy minus squared error, accuracy after an epoch", ahead, above(0.02), of="mean")


@row("S11", "softmax")
def softmax(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("softmax")
    head = head_module("softmax")
    assert head is not None, "a softmax head has a module"
    logits = outputs(runs["in-the-loss"])
    probabilities = head(logits)
    yield Measured(
        "sum of the probabilities minus 1, largest",
        (probabilities.sum(-1) - 1).abs().max().item(),
        below(1e-6),
        kind="exact",
    )
    shown = max(abs(total - 1) for total in runs["in-the-loss"].readings("logits", "sum"))
    yield Measured("the same of the image in the picture, over all epochs", shown, below(1e-6), kind="exact")
    shifted = (head(logits + 3.0) - probabilities).abs().max().item()
    yield Measured("change of a probability when 3 is added to all logits, largest", shifted, below(1e-6), kind="exact")
    huge = head(torch.tensor([1e4, 0.0, -1e4]))
    yield Measured(
        "probabilities of the logits 10000, 0, -10000 that are finite",
        huge.isfinite().float().mean().item(),
        exactly(1),
        kind="exact",
    )
    one, two = (runs[name].at(-1, "train_loss") for name in ("in-the-loss", "in-the-head"))
    yield Measured("training loss, softmax in the head over softmax in the loss", two / one, about(1, 1e-3))
    run = runs["in-the-loss"]
    right, other = (run.read("logits", name) for name in ("target", "other"))
    yield Measured("sum of the one-hot vector in the picture", right + 9 * other, exactly(1), kind="by construction")
    targets = run.setup.data.train.targets
    leaves = logits.double().requires_grad_()
    (pull,) = torch.autograd.grad(run.setup.objective(leaves, targets) * len(targets), leaves)
    hot = torch.nn.functional.one_hot(targets, 10) * right
    off = (pull - (leaves.softmax(-1) - hot)).abs().max().item()
    yield Measured("gradient by a logit minus (probability - one-hot target), largest", off, below(1e-9), kind="exact")


@row("S12", "loss-duel")
def which_loss(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("loss-duel")
    entropy = runs["cross-entropy"]
    yield Measured("validation accuracy after an epoch, cross-entropy", entropy.at(1, "val_accuracy"), above(0.80))
    yield Measured(
        "validation accuracy after an epoch, softmax and squared error",
        runs["softmax-mse"].at(1, "val_accuracy"),
        below(0.70),
    )
    silent = torch.zeros(len(entropy.setup.data.train), 10)
    first = entropy.setup.objective(silent, entropy.setup.data.train.targets).item()
    yield Measured(
        "cross-entropy of a network that puts out zeros (ln 10 = 2.303)", first, about(math.log(10), 0.01), kind="exact"
    )
    yield Measured(
        "seeds for which identity and squared error diverge",
        float(runs["identity-mse"].diverged),
        above(0.5),
        of="mean",
    )


@row("S13", "label-smoothing")
def label_smoothing(school: TrainingCache) -> Iterator[Measured]:
    runs = school.runs("label-smoothing")
    smooth = runs["smooth-10"]
    floor = smooth.read("confidence", "loss_floor")
    yield Measured("floor of the loss, e = .1, K = 10", floor, about(0.5003, 1e-4), key="floor", kind="exact")
    yield Measured(
        "training loss above its floor at the end, e = .1", smooth.at(-1, "train_loss") - floor, within(0, 0.03)
    )
    for name, key in (("smooth-05", "floor-05"), ("smooth-20", "floor-20")):
        smoothing = float(name.removeprefix("smooth-")) / 100
        right, other = 1 - smoothing * 0.9, smoothing / 10
        theory = -(right * math.log(right) + 9 * other * math.log(other))
        lowest = runs[name].read("confidence", "loss_floor")
        yield Measured(f"floor of the loss, {name}", lowest, about(theory, 1e-4), key=key, kind="exact")
    right, other = (smooth.read("logits", name) for name in ("target", "other"))
    yield Measured("target of the right class, e = .1", right, about(0.91, 1e-9), key="target", kind="exact")
    yield Measured("target of each other class, e = .1", other, about(0.01, 1e-9), key="other", kind="exact")
    train = smooth.setup.data.train
    logits = torch.randn(len(train), 10, dtype=torch.float64, generator=torch.Generator().manual_seed(school.seed))
    drawn = torch.full((len(train), 10), other, dtype=torch.float64).scatter(1, train.targets[:, None], right)
    ours = torch.nn.functional.cross_entropy(logits, drawn)
    off = abs(float(ours / smooth.setup.objective(logits, train.targets)) - 1)
    yield Measured("loss with the drawn targets over the run's, minus 1", off, below(1e-9), kind="exact")
    best = smooth.read("confidence", "theory_gap")
    yield Measured("gap of the logits that is best, ln(a/b), e = .1", best, about(4.51, 0.005), key="gap", kind="exact")
    gap = smooth.read("confidence", "logit_gap")
    yield Measured("median gap of the logits over the best one, e = .1", gap / best, about(1, 0.05))
    early, late = (runs["none"].read("confidence", "logit_gap", epoch) for epoch in (25, 100))
    yield Measured("gap at epoch 100 over epoch 25, no smoothing", late / early, above(1.3))


def _built(kind: str) -> Callable[[Tensor], Tensor]:
    built: Activation = TypeAdapter(AnyActivation).validate_python(kind)
    return built.build()
