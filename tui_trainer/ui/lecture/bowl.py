"""Gradient descent with momentum on a bowl, computed by the viewer: the path for a rate and a momentum."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Axis, Contour, Line, Spots

CONDITION = 20.0
"""The bowl is (x1^2 + 20 x2^2) / 2: 20 times as steep along the second axis."""
START = (-1.0, 0.5)
STEPS = 60
"""Steps that are drawn."""
MOST = 2000
"""Steps after which the count to a millionth gives up."""
RATES = tuple(0.11 * k / 22 for k in range(1, 23))
"""Rates of the slider, up to beyond the limit of 2 / 20 without momentum."""
MOMENTA = tuple(k / 20 for k in range(20))
GRID = 41


@dataclass(frozen=True, slots=True)
class Bowl:
    """The positions of the two sliders."""

    rate: float = RATES[7]
    momentum: float = MOMENTA[0]

    def path(self, steps: int = STEPS) -> list[tuple[float, float]]:
        """Return the points x(k+1) = x(k) - rate g(x(k)) + momentum (x(k) - x(k-1)), from the start on."""
        before = point = START
        points = [point]
        for _ in range(steps):
            slope = point[0], CONDITION * point[1]
            after = tuple(
                here - self.rate * g + self.momentum * (here - last)
                for here, last, g in zip(point, before, slope, strict=True)
            )
            before, point = point, (after[0], after[1])
            points.append(point)
            if max(map(abs, point)) > 1e6:
                break
        return points

    def steps_needed(self) -> int | None:
        """Return the number of steps to a millionth of the first value, for good; None if that takes too many."""
        values = [height(point) for point in self.path(MOST)]
        above = max((step for step, value in enumerate(values) if value > 1e-6 * values[0]), default=0)
        return above + 1 if above + 1 < len(values) else None

    def moved(self, rate: int = 0, momentum: int = 0) -> Bowl:
        """Return the bowl with the sliders moved by some positions."""
        return replace(self, rate=_moved(RATES, self.rate, rate), momentum=_moved(MOMENTA, self.momentum, momentum))

    def picture(self) -> ev.PictureTaken:
        """Return contour lines and path, in the form in which a run records its own."""
        points = [point for point in self.path() if max(map(abs, point)) <= 4]
        axis = [-1.25 + 2.5 * k / (GRID - 1) for k in range(GRID)]
        rows = [0.75 * x / 1.25 for x in axis]
        drawing = Contour(
            title=f"rate {self.rate:.3g}, momentum {self.momentum:.3g}",
            x=Axis(label="x1", low=axis[0], high=axis[-1]),
            y=Axis(label="x2", low=rows[0], high=rows[-1]),
            values=tuple(tuple(height((x, y)) for x in axis) for y in rows),
            levels=tuple(height(START) / 2**k for k in range(8, -1, -1)),
            paths=(Line(name="path", x=tuple(x for x, _ in points), y=tuple(y for _, y in points)),),
            spots=(Spots(name="start", x=START[:1], y=START[1:]),),
        )
        return ev.PictureTaken(name="bowl", kind="contour", data=drawing.model_dump(mode="json"))


def best() -> Bowl:
    """Return the rate and the momentum that need the fewest steps in theory (Polyak, 1964)."""
    root = math.sqrt(CONDITION)
    return Bowl(4 / (1 + root) ** 2, ((root - 1) / (root + 1)) ** 2)


def height(point: tuple[float, float]) -> float:
    """Return the value of the bowl at a point."""
    return (point[0] ** 2 + CONDITION * point[1] ** 2) / 2


def slider(value: float, values: tuple[float, ...]) -> str:
    """Return a slider as text."""
    index = min(range(len(values)), key=lambda k: abs(values[k] - value))
    return "─" * index + "●" + "─" * (len(values) - 1 - index)


def _moved(values: tuple[float, ...], value: float, by: int) -> float:
    if not by:
        return value
    index = min(range(len(values)), key=lambda k: abs(values[k] - value))
    return values[min(max(index + by, 0), len(values) - 1)]
