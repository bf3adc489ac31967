"""Data sets that are generated from a formula and a seed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from tui_trainer.components.base import Count, NonNegative, Positive, Real
from tui_trainer.components.datasets.base import Dataset, Many, Several, Wide
from tui_trainer.data.types import Data

if TYPE_CHECKING:
    from tui_trainer.data.splits import Samples


class Blobs(Dataset):
    """Normal clusters of points around random centres, one per class."""

    task = "classification"
    kind: Literal["blobs"] = "blobs"
    samples: Many = 600
    """Total number of points."""
    classes: Several = 3
    """Number of clusters."""
    features: Wide = 2
    """Number of features."""
    noise: NonNegative = 1.0
    """Standard deviation of a cluster; the centres are between -10 and 10."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import blobs

        return blobs(seed, self.samples, self.classes, self.features, self.noise)


class Moons(Dataset):
    """Two interleaved half circles."""

    task = "classification"
    kind: Literal["moons"] = "moons"
    samples: Many = 600
    """Total number of points."""
    noise: NonNegative = 0.15
    """Standard deviation of the noise on each point; the circles have radius 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import moons

        return moons(seed, self.samples, self.noise)


class Circles(Dataset):
    """A circle within a circle."""

    task = "classification"
    kind: Literal["circles"] = "circles"
    samples: Many = 600
    """Total number of points."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Radius of the inner circle; the outer one has radius 1."""
    noise: NonNegative = 0.08
    """Standard deviation of the noise on each point."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import circles

        return circles(seed, self.samples, self.factor, self.noise)


class Xor(Dataset):
    """Four clusters in the corners of a square; opposite corners share a class, so no line separates the two."""

    task = "classification"
    kind: Literal["xor"] = "xor"
    samples: Many = 600
    """Total number of points."""
    noise: NonNegative = 0.3
    """Standard deviation of a cluster; the corners are at -1 and 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import xor

        return xor(seed, self.samples, self.noise)


class Spirals(Dataset):
    """Interleaved spiral arms, one per class: hard for shallow models, easy to plot."""

    task = "classification"
    kind: Literal["spirals"] = "spirals"
    samples: Many = 1000
    """Total number of points."""
    classes: Several = 2
    """Number of arms."""
    turns: Positive = 1.5
    """Turns of each arm around the centre."""
    noise: NonNegative = 0.02
    """Standard deviation of the noise on each point; the arms reach radius 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import spirals

        return spirals(seed, self.samples, self.classes, self.turns, self.noise)


class Sine(Dataset):
    """A noisy sine wave, with one input and one target."""

    task = "regression"
    kind: Literal["sine"] = "sine"
    samples: Many = 500
    """Total number of points."""
    periods: Positive = 2.0
    """Number of periods between the smallest and the largest input."""
    noise: NonNegative = 0.1
    """Standard deviation of the noise on each target; the amplitude is 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import sine

        return sine(seed, self.samples, self.periods, self.noise)


class Arm(Dataset):
    """A robot arm with two joints: the angles are the inputs, and the two coordinates of its hand the targets."""

    task = "regression"
    kind: Literal["arm"] = "arm"
    samples: Many = 800
    """Total number of positions."""
    noise: NonNegative = 0.0
    """Standard deviation of the noise on each coordinate; each part of the arm has length 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import arm

        return arm(seed, self.samples, self.noise)


class LeastSquares(Dataset):
    """Least squares: y = X w + noise with normal X and w, where the optimum and the rates are known.

    The numbers that theory knows are those of |y - X w|^2 / (2m), `loss.kind = "half-mse"`; rates for `mse`, which is
    twice as large, are half of them.
    """

    task = "regression"
    kind: Literal["least-squares"] = "least-squares"
    standardise: bool = False
    """Standardise each column of X, and y; this removes the condition number."""
    samples: Many = 2000
    """Number of rows of X, including those for validation."""
    features: Wide = 50
    """Number of columns of X."""
    noise: NonNegative = 1.0
    """Standard deviation of what is added to each target; with equal columns X w has deviation sqrt(features)."""
    condition: Annotated[float, Field(ge=1, le=1e12)] = 1.0
    """Condition number of the expected X'X: the columns' deviations fall from 1 to 1/sqrt(condition), evenly on a
    logarithmic scale."""

    def build(self, seed: int, *, wide: bool = False) -> Data:
        from tui_trainer.optim.optimum import rates

        data = super().build(seed, wide=wide)
        if self.nan_share and not self.drop_nan:
            return replace(data, known={})
        size = len(data.train) if self.sampling == "full" else min(self.batch_size, len(data.train))
        return replace(data, known=rates(data.train.inputs, size))

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import least_squares

        return least_squares(seed, self.samples, self.features, self.noise, self.condition)


class Separable(Dataset):
    """Two classes separated by a plane through the origin, with a margin.

    What the perceptron is sure to learn: without a bias (`model.kind = "linear"`, `model.bias = false`) and with single
    samples it makes at most (R / margin)^2 mistakes, R being the length of the longest sample (Novikoff 1962).
    """

    task = "classification"
    kind: Literal["separable"] = "separable"
    standardise: bool = False
    """Standardise each input; then the plane no longer contains the origin, and the bound does not hold."""
    samples: Many = 500
    """Total number of points."""
    features: Wide = 10
    """Number of features."""
    margin: Annotated[float, Field(ge=0, le=3)] = 0.3
    """Smallest distance of a point from the plane; otherwise the points are standard normal."""

    def build(self, seed: int, *, wide: bool = False) -> Data:
        data = super().build(seed, wide=wide)
        return replace(data, known={}) if self.standardise or self.label_noise else data

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import separable

        return separable(seed, self.samples, self.features, self.margin)


class Quadratic(Dataset):
    """f(x) = 1/2 x' H x, a quadratic bowl with a known minimum, to be minimised.

    The samples are functions f(x) + xi . x with normal xi, and their mean is f: a step sees the mean of a few, as it
    does of the costs of samples, so that SGD, batch size and epochs keep their meaning. f itself validates.
    """

    task = "minimise"
    kind: Literal["quadratic"] = "quadratic"
    batch_size: Count = 1
    """Functions per step; at most all of them."""
    functions: Many = 100
    """Functions per epoch; without noise they are identical, so this is the number of steps per epoch."""
    dimensions: Annotated[int, Field(ge=1, le=1000)] = 2
    """Number of coordinates of the point."""
    condition: Annotated[float, Field(ge=1, le=1e12)] = 1000.0
    """Largest curvature; the smallest is 1, and the others are evenly spaced on a logarithmic scale."""
    rotation: Real = 0.0
    """Rotation of the flattest and steepest axes against the coordinates, in degrees."""
    start: tuple[Real, ...] = ()
    """Start of the point along the bowl's own axes, flattest first; (condition, 1) in two dimensions where none is
    given, and in more of them a point from which the slope along each axis is the same."""
    noise: NonNegative = 0.0
    """Standard deviation of the gradient noise of a single function, per coordinate."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Quadratic:
        if self.start and len(self.start) != self.dimensions:
            raise ValueError(
                f"start has {len(self.start)} coordinates and the function {self.dimensions}: give one for each"
            )
        if self.start and not any(self.start):
            raise ValueError("start is the lowest point already, and nothing would be left to find: start elsewhere")
        if self.noise and self.functions == 1:
            raise ValueError("noise is what functions differ by, and there is one: set functions to 2 or more")
        if self.test or self.clip is not None:
            raise ValueError("test and clip are for samples, and a function has none: leave them out")
        return self

    def build(self, seed: int, *, wide: bool = False) -> Data:
        from tui_trainer.data.functions import quadratic

        return quadratic(
            seed, self.functions, self.condition, self.dimensions, self.rotation, self.start, self.noise, wide
        )
