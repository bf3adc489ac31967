"""Data sets that are drawn on the spot, from a seed and a formula."""

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
    """Normal clouds of points around random centres, a class each."""

    task = "classification"
    kind: Literal["blobs"] = "blobs"
    samples: Many = 600
    """Points in all."""
    classes: Several = 3
    """Clouds."""
    features: Wide = 2
    """Numbers in each sample."""
    noise: NonNegative = 1.0
    """Standard deviation of a cloud; the centres lie between -10 and 10."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import blobs

        return blobs(seed, self.samples, self.classes, self.features, self.noise)


class Moons(Dataset):
    """Two half circles, one reaching into the other."""

    task = "classification"
    kind: Literal["moons"] = "moons"
    samples: Many = 600
    """Points in all."""
    noise: NonNegative = 0.15
    """Standard deviation of what is added to each point; the circles have radius 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import moons

        return moons(seed, self.samples, self.noise)


class Circles(Dataset):
    """A circle within a circle."""

    task = "classification"
    kind: Literal["circles"] = "circles"
    samples: Many = 600
    """Points in all."""
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Radius of the inner circle; the outer one has radius 1."""
    noise: NonNegative = 0.08
    """Standard deviation of what is added to each point."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import circles

        return circles(seed, self.samples, self.factor, self.noise)


class Xor(Dataset):
    """Four clouds in the corners of a square; opposite corners share a class, so no line can part the two."""

    task = "classification"
    kind: Literal["xor"] = "xor"
    samples: Many = 600
    """Points in all."""
    noise: NonNegative = 0.3
    """Standard deviation of a cloud; the corners are at -1 and 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import xor

        return xor(seed, self.samples, self.noise)


class Spirals(Dataset):
    """Arms that wind around each other, a class each: hard for shallow models, easy to look at."""

    task = "classification"
    kind: Literal["spirals"] = "spirals"
    samples: Many = 1000
    """Points in all."""
    classes: Several = 2
    """Arms."""
    turns: Positive = 1.5
    """How often each arm winds around the centre."""
    noise: NonNegative = 0.02
    """Standard deviation of what is added to each point; the arms reach to radius 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import spirals

        return spirals(seed, self.samples, self.classes, self.turns, self.noise)


class Sine(Dataset):
    """A sine wave with noise on it, from one number to one number."""

    task = "regression"
    kind: Literal["sine"] = "sine"
    samples: Many = 500
    """Points in all."""
    periods: Positive = 2.0
    """Waves between the smallest and the largest input."""
    noise: NonNegative = 0.1
    """Standard deviation of what is added to each target; the wave has height 1."""

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import sine

        return sine(seed, self.samples, self.periods, self.noise)


class LeastSquares(Dataset):
    """y = X w + noise with normal X and w: least squares, where everything about training can be calculated.

    The numbers that theory knows are those of |y - X w|^2 / (2m), `loss.kind = "half-mse"`; rates for `mse`, which is
    twice as large, are half of them.
    """

    task = "regression"
    kind: Literal["least-squares"] = "least-squares"
    standardise: bool = False
    """Shift and scale each column of X, and y, to mean 0 and deviation 1: it undoes a condition number."""
    samples: Many = 2000
    """Rows of X, those that validate among them."""
    features: Wide = 50
    """Columns of X."""
    noise: NonNegative = 1.0
    """Standard deviation of what is added to each target; with equal columns X w has deviation sqrt(features)."""
    condition: Annotated[float, Field(ge=1, le=1e12)] = 1.0
    """Condition number of the expected X'X: the columns' deviations fall from 1 to 1/sqrt(condition), evenly on a
    logarithmic scale."""

    def build(self, seed: int, *, wide: bool = False) -> Data:
        from tui_trainer.optim.optimum import rates

        data = super().build(seed, wide=wide)
        size = len(data.train) if self.sampling == "full" else min(self.batch_size, len(data.train))
        return replace(data, known=rates(data.train.inputs, size))

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import least_squares

        return least_squares(seed, self.samples, self.features, self.noise, self.condition)


class Separable(Dataset):
    """Two classes on the two sides of a plane through the origin, none nearer to it than a margin.

    What the perceptron is sure to learn: without a bias (`model.kind = "linear"`, `model.bias = false`) and with single
    samples it makes at most (R / margin)^2 mistakes, R being the length of the longest sample (Novikoff 1962).
    """

    task = "classification"
    kind: Literal["separable"] = "separable"
    standardise: bool = False
    """Shift and scale each input: then the plane goes through the origin no more, and the bound does not hold."""
    samples: Many = 500
    """Points in all."""
    features: Wide = 10
    """Numbers in each sample."""
    margin: Annotated[float, Field(ge=0, le=3)] = 0.3
    """Distance from the plane within which there is no point; the points are normal with deviation 1 otherwise."""

    def build(self, seed: int, *, wide: bool = False) -> Data:
        data = super().build(seed, wide=wide)
        return replace(data, known={}) if self.standardise or self.label_noise else data

    def draw(self, seed: int) -> Samples:
        from tui_trainer.data.synthetic import separable

        return separable(seed, self.samples, self.features, self.margin)


class Quadratic(Dataset):
    """f(x) = 1/2 x' H x, a bowl with a known lowest point: nothing is learned, only found.

    The samples are functions f(x) + xi . x with normal xi, and their mean is f: a step sees the mean of a few, as it
    does of the costs of samples, so that SGD, batch size and epochs keep their meaning. f itself validates.
    """

    task = "minimise"
    kind: Literal["quadratic"] = "quadratic"
    batch_size: Count = 1
    """Functions in one step; all of them where there are fewer."""
    functions: Many = 100
    """Functions in an epoch; without noise they are all the same, and this is how many steps an epoch has."""
    dimensions: Annotated[int, Field(ge=1, le=1000)] = 2
    """Coordinates of the point."""
    condition: Annotated[float, Field(ge=1, le=1e12)] = 1000.0
    """The largest curvature; the smallest is 1, and those between are spread evenly on a logarithmic scale."""
    rotation: Real = 0.0
    """Degrees by which the bowl's flattest and steepest axes are turned against the coordinates."""
    start: tuple[Real, ...] = ()
    """Where the point starts, along the bowl's own axes, flattest first; (condition, 1) in two dimensions where none is
    given, and in more of them a point from which the slope along each axis is the same."""
    noise: NonNegative = 0.0
    """Standard deviation of each coordinate of what a single function adds to the gradient."""

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
