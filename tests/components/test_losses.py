"""Losses against torch or their formulas, the pairs that are refused, and what outputs say."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from tui_trainer.components.base import choices
from tui_trainer.components.losses import (
    BCE,
    L1,
    MSE,
    NLL,
    AnyLoss,
    BCEWithLogits,
    CrossEntropy,
    HalfMSE,
    Hinge,
    Huber,
    Perceptron,
)
from tui_trainer.config.run_config import RunConfig
from tui_trainer.data.types import ProblemSpec

K = 4
CLASSES = ProblemSpec("classification", (3,), K)
TWO = ProblemSpec("classification", (3,), 2)
NUMBERS = ProblemSpec("regression", (3,), 2)
SYMBOLS = ProblemSpec("language", (5,), 7)

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(16, K, generator=GENERATOR)
LABELS = torch.randint(K, (16,), generator=GENERATOR)
ONE_HOT = F.one_hot(LABELS, K).float()
SCORE = torch.randn(16, 1, generator=GENERATOR)
BITS = torch.randint(2, (16,), generator=GENERATOR)
SIGNS = (2 * BITS - 1).float()


def margin(scores: torch.Tensor) -> torch.Tensor:
    """The mean multi-class hinge, written out."""
    total = 0.0
    for row, label in zip(scores.tolist(), LABELS.tolist(), strict=True):
        total += sum(max(0.0, 1 - row[label] + row[j]) for j in range(K) if j != label) / K
    return torch.tensor(total / len(scores))


@pytest.mark.parametrize(
    ("loss", "outputs", "expected"),
    [
        (CrossEntropy(), LOGITS, F.cross_entropy(LOGITS, LABELS)),
        (CrossEntropy(label_smoothing=0.1), LOGITS, F.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)),
        (NLL(), LOGITS.softmax(-1), F.cross_entropy(LOGITS, LABELS)),
        (MSE(), LOGITS, F.mse_loss(LOGITS, ONE_HOT)),
        (HalfMSE(), LOGITS, F.mse_loss(LOGITS, ONE_HOT) / 2),
        (L1(), LOGITS, F.l1_loss(LOGITS, ONE_HOT)),
        (Huber(delta=0.5), LOGITS, F.huber_loss(LOGITS, ONE_HOT, delta=0.5)),
        (BCEWithLogits(), LOGITS, F.binary_cross_entropy_with_logits(LOGITS, ONE_HOT)),
        (BCE(), LOGITS.sigmoid(), F.binary_cross_entropy_with_logits(LOGITS, ONE_HOT)),
        (Hinge(), LOGITS, margin(LOGITS)),
        (Perceptron(), LOGITS, (LOGITS.max(-1).values - LOGITS[torch.arange(16), LABELS]).mean()),
    ],
    ids=lambda value: value.label() if hasattr(value, "label") else "",
)
def test_many_classes(loss: AnyLoss, outputs: torch.Tensor, expected: torch.Tensor) -> None:
    objective = loss.build(CLASSES)
    assert loss.outputs(CLASSES) == K
    value = objective(outputs, LABELS)
    assert value.shape == ()
    torch.testing.assert_close(value, expected)
    assert torch.equal(objective.predict(outputs), outputs.argmax(-1))


@pytest.mark.parametrize(
    ("loss", "outputs", "expected"),
    [
        (BCEWithLogits(), SCORE, F.binary_cross_entropy_with_logits(SCORE[:, 0], BITS.float())),
        (BCE(), SCORE.sigmoid(), F.binary_cross_entropy_with_logits(SCORE[:, 0], BITS.float())),
        (Hinge(), SCORE, (1 - SIGNS * SCORE[:, 0]).clamp(min=0).mean()),
        (Perceptron(), SCORE, (-SIGNS * SCORE[:, 0]).clamp(min=0).mean()),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else "",
)
def test_two_classes_with_one_output(loss: AnyLoss, outputs: torch.Tensor, expected: torch.Tensor) -> None:
    objective = loss.build(TWO)
    assert loss.outputs(TWO) == 1
    torch.testing.assert_close(objective(outputs, BITS), expected)
    predicted = objective.predict(outputs)
    assert predicted.dtype == torch.int64
    assert torch.equal(predicted, (SCORE[:, 0] > 0).long())


@pytest.mark.parametrize(
    ("loss", "formula"),
    [(MSE(), F.mse_loss), (L1(), F.l1_loss), (Huber(delta=2), lambda x, y: F.huber_loss(x, y, delta=2))],
    ids=["mse", "l1", "huber"],
)
def test_numbers(loss: AnyLoss, formula: Any) -> None:
    outputs, targets = torch.randn(16, 2), torch.randn(16, 2)
    objective = loss.build(NUMBERS)
    assert loss.outputs(NUMBERS) == 2
    torch.testing.assert_close(objective(outputs, targets), formula(outputs, targets))
    assert objective.predict(outputs) is outputs


@pytest.mark.parametrize(("loss", "head"), [(CrossEntropy(label_smoothing=0.2), "identity"), (NLL(), "softmax")])
def test_symbols(loss: AnyLoss, head: str) -> None:
    logits, targets = torch.randn(3, 5, 7), torch.randint(7, (3, 5))
    outputs = logits if head == "identity" else logits.softmax(-1)
    objective = loss.build(SYMBOLS)
    assert loss.outputs(SYMBOLS) == 7
    expected = F.cross_entropy(
        logits.view(15, 7), targets.view(15), label_smoothing=getattr(loss, "label_smoothing", 0.0)
    )
    torch.testing.assert_close(objective(outputs, targets), expected)
    assert torch.equal(objective.predict(outputs), logits.argmax(-1))


def test_label_smoothing_is_the_mix_with_a_uniform_target() -> None:
    smooth = 0.3
    right, wrong = 1 - smooth + smooth / K, smooth / K
    target = ONE_HOT * (right - wrong) + wrong
    torch.testing.assert_close(target, (1 - smooth) * ONE_HOT + smooth / K)
    torch.testing.assert_close(1 - (K - 1) * wrong, right)
    expected = -(target * LOGITS.log_softmax(-1)).sum(-1).mean()
    torch.testing.assert_close(CrossEntropy(label_smoothing=smooth).build(CLASSES)(LOGITS, LABELS), expected)


def test_label_smoothing_has_a_floor() -> None:
    """0.5003 for ten classes and 0.1, reached at a finite gap between the logits of ln(a/b) = 4.51."""
    right, wrong = 0.91, 0.01
    floor = -(right * math.log(right) + 9 * wrong * math.log(wrong))
    assert floor == pytest.approx(0.5003, abs=1e-4)
    logits = torch.zeros(1, 10)
    logits[0, 3] = math.log(right / wrong)
    loss = CrossEntropy(label_smoothing=0.1).build(ProblemSpec("classification", (1,), 10))
    assert float(loss(logits, torch.tensor([3]))) == pytest.approx(floor, abs=1e-6)


def test_guessing_costs_the_logarithm_of_the_number_of_classes() -> None:
    zeros = torch.zeros(5, 10)
    labels = torch.arange(5)
    shape = ProblemSpec("classification", (1,), 10)
    assert float(CrossEntropy().build(shape)(zeros, labels)) == pytest.approx(math.log(10))
    assert float(NLL().build(shape)(zeros.softmax(-1), labels)) == pytest.approx(math.log(10))


def test_a_confident_mistake_still_has_a_gradient_with_bce_and_none_with_mse() -> None:
    """At z = -10 and target 1: 1.000 and less than a thousandth."""
    z = torch.tensor([[-10.0]], requires_grad=True)
    one = torch.tensor([1])
    (slope,) = torch.autograd.grad(BCE().build(TWO)(z.sigmoid(), one), z)
    assert float(slope) == pytest.approx(-1.0, abs=1e-3)
    (slope,) = torch.autograd.grad(BCEWithLogits().build(TWO)(z, one), z)
    assert float(slope) == pytest.approx(-1.0, abs=1e-3)
    (slope,) = torch.autograd.grad(F.mse_loss(z.sigmoid(), torch.ones(1, 1)), z)
    assert abs(float(slope)) < 1e-3


@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        (NLL(), torch.tensor([[1e4, 0.0, 0.0, 0.0]]).softmax(-1), torch.tensor([2])),
        (BCE(), torch.tensor([[-1e4] * 4]).sigmoid(), torch.tensor([2])),
        (BCEWithLogits(), torch.tensor([[-1e4] * 4]), torch.tensor([2])),
        (CrossEntropy(), torch.tensor([[1e4, 0.0, 0.0, 0.0]]), torch.tensor([2])),
    ],
    ids=lambda value: value.kind if hasattr(value, "kind") else "",
)
def test_certainty_about_the_wrong_class_stays_finite(
    loss: AnyLoss, outputs: torch.Tensor, targets: torch.Tensor
) -> None:
    outputs.requires_grad_()
    value = loss.build(CLASSES)(outputs, targets)
    (slope,) = torch.autograd.grad(value, outputs)
    assert math.isfinite(float(value.detach()))
    assert slope.isfinite().all()


def test_the_perceptron_learns_from_zero_and_only_from_mistakes() -> None:
    """With one sample, plain steps of size 1 are w <- w + y x as long as y w x <= 0."""
    objective = Perceptron().build(TWO)
    sample = torch.tensor([[1.0, -2.0]])
    weight = torch.zeros(2, 1, requires_grad=True)
    moves = []
    for _ in range(2):
        (slope,) = torch.autograd.grad(objective(sample @ weight, torch.tensor([1])), weight)
        moves.append((-slope).flatten().tolist())
        weight = (weight - slope).detach().requires_grad_()
    assert moves == [[1.0, -2.0], [0.0, 0.0]]


def test_the_perceptron_of_many_classes_learns_from_zero() -> None:
    scores = torch.zeros(1, 3, requires_grad=True)
    (slope,) = torch.autograd.grad(
        Perceptron().build(ProblemSpec("classification", (1,), 3))(scores, torch.tensor([1])), scores
    )
    assert slope[0, 1] < 0 < slope[0, 0]


KINDS = [kind for kind in choices(AnyLoss) if kind != "import"]  # code of the user's own: tests/engine/own


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_precision(kind: str) -> None:
    """torch refuses binary cross-entropy of probabilities under autocast; here it is taken in float32."""
    loss = choices(AnyLoss)[kind]()
    outputs = LOGITS.softmax(-1) if kind in ("nll", "bce") else LOGITS
    with torch.autocast("cpu", torch.bfloat16):
        value = loss.build(CLASSES)(outputs.bfloat16(), LABELS)
    assert value.isfinite()


FITS = {
    ("classification", "identity"): {
        "cross-entropy", "mse", "half-mse", "l1", "huber", "bce-with-logits", "hinge", "perceptron",
    },
    ("classification", "sigmoid"): {"mse", "half-mse", "l1", "huber", "bce"},
    ("classification", "softmax"): {"mse", "half-mse", "l1", "huber", "nll"},
    ("regression", "identity"): {"mse", "half-mse", "l1", "huber"},
    ("regression", "sigmoid"): {"mse", "half-mse", "l1", "huber"},
    ("regression", "softmax"): set(),
    ("language", "identity"): {"cross-entropy"},
    ("language", "sigmoid"): set(),
    ("language", "softmax"): {"nll"},
    ("minimise", "identity"): {"value"},
    ("minimise", "sigmoid"): set(),
    ("minimise", "softmax"): set(),
}  # fmt: skip


@pytest.mark.parametrize(("task", "head"), FITS)
@pytest.mark.parametrize("kind", KINDS)
def test_pairs(kind: str, task: Any, head: Any) -> None:
    loss = choices(AnyLoss)[kind]()
    if kind in FITS[task, head]:
        loss.fits(task, head)
        return
    with pytest.raises(ValueError) as refusal:
        loss.fits(task, head)
    text = str(refusal.value)
    assert "set loss.kind" in text or "set model.head" in text
    assert "loss.kind" in text or "model.head" in text


@pytest.mark.parametrize(("task", "head"), FITS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_a_refusal_offers_is_accepted(kind: str, task: Any, head: Any) -> None:
    """Following the advice, at most twice, ends at a pair that fits."""
    loss, now = choices(AnyLoss)[kind](), head
    for _ in range(3):
        try:
            loss.fits(task, now)
        except ValueError as refusal:
            advice = str(refusal).rsplit(": set ", 1)[1].split(", or ")[0]
            if 'model.head = "' in advice:
                now = advice.split('model.head = "')[1].split('"')[0]
            if 'loss.kind = "' in advice:
                loss = choices(AnyLoss)[advice.split('loss.kind = "')[1].split('"')[0]]()
        else:
            return
    pytest.fail(f"the advice leads from {kind} with {head} to {loss.kind} with {now}")


def test_a_run_refuses_a_sigmoid_twice_in_words_that_teach() -> None:
    with pytest.raises(
        ValidationError, match=r'would apply it twice: set model\.head = "identity", or loss\.kind = "bce"'
    ):
        RunConfig.model_validate({"model": {"head": "sigmoid"}, "loss": {"kind": "bce-with-logits"}})
