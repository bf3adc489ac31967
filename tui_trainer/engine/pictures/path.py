"""Path of two parameters over the function that they minimise."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, jacrev, vmap

from tui_trainer.components.pictures import Path
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureContext, PictureResult, PictureSource
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Axis, Contour, Line, Spots, rounded, rounded_or_none

COLUMNS, ROWS = 36, 22
LEVELS = 8
AIR = 0.15
SHOWN = 120
"""Most points of the path in the drawing: the first third and the last `RECENT` as they are, evenly spaced steps in
between."""
RECENT = 21
NARROW = 0.08
"""Least share of the wider axis from which the narrower one is widened to `EVEN` of it: a screen can then show both at
one scale, with the contour up to its edge."""
EVEN = 0.42
CLOSE = 1e-6
"""Share of the first value at which the function counts as minimised."""


class PathPicture(PictureSource[Path]):
    """A contour of the function around the way so far, and numbers of its steps.

    `max_abs_cos` and `mean_cos` are of the angles between consecutive steps, `flip_share` is how often the steeper
    coordinate (that of the larger curvature at the start) turned round, and `iterations_to_1e-6` the steps until the
    function, less its least value where that is known, had fallen to a millionth of what it was.
    """

    uses_steps = True

    def __init__(self, choice: Path, context: PictureContext) -> None:
        super().__init__(choice, context)
        self._parameters = context.setup.parameters
        count = sum(parameter.numel() for parameter in self._parameters)
        if count != 2:
            raise UserError(
                f'pictures: "path" draws two parameters as a point in the plane, and this model has {count:,}: '
                'use model.kind = "point"'
            )
        # A known function is its own validation split; other losses are minimised over the training split.
        data = context.setup.data
        self._split = data.validation if "minimum" in data.known else data.train
        self._points = [self._point()]
        self._least = data.known.get("minimum", 0.0)
        self._first = self._value(self._points[0]) - self._least
        self._steep = self._steeper()
        self._reached: int | None = None

    def on_step(self) -> None:
        point = self._point()
        self._points.append(point)
        if self._reached is None and all(math.isfinite(part) for part in point):
            value = self._value(point) - self._least
            if value <= CLOSE * self._first:
                self._reached = len(self._points) - 1

    def take(self) -> PictureResult:
        points = [point for point in self._points if all(math.isfinite(part) for part in point)]
        return PictureResult(self._drawing(points), self._numbers(points))

    def state_dict(self) -> Any:
        return {"points": torch.tensor(self._points, dtype=torch.float64), "reached": self._reached}

    def load_state_dict(self, state: Any) -> None:
        self._points = [(float(x), float(y)) for x, y in state["points"].tolist()]
        self._reached = state["reached"]

    def _numbers(self, points: list[tuple[float, float]]) -> Numbers:
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(points)]
        lengths = [math.hypot(*step) for step in steps]
        angles = [
            (a[0] * b[0] + a[1] * b[1]) / (long * next_long)
            for (a, b), (long, next_long) in zip(pairwise(steps), pairwise(lengths), strict=True)
            if long > 0 and next_long > 0
        ]
        turns = [a[self._steep] * b[self._steep] < 0 for a, b in pairwise(steps)]
        reached = None if self._reached is None else float(self._reached)
        return {
            "max_abs_cos": max(map(abs, angles)) if angles else None,
            "mean_cos": math.fsum(angles) / len(angles) if angles else None,
            "flip_share": sum(turns) / len(turns) if turns else None,
            "iterations_to_1e-6": reached,
            "steps": float(len(steps)),
            "value": self._value(points[-1]),
        }

    def _drawing(self, points: list[tuple[float, float]]) -> Contour:
        (left, right), (bottom, top) = (self._range(points, axis) for axis in (0, 1))
        across = torch.linspace(left, right, COLUMNS, dtype=torch.float64)
        upward = torch.linspace(bottom, top, ROWS, dtype=torch.float64)
        with model_inspection.quiet(self.setup.model), torch.no_grad():
            grid_points = torch.cartesian_prod(upward, across).flip(-1)
            grid: list[list[float]] = vmap(self._function)(grid_points).view(ROWS, COLUMNS).tolist()
        known = [value for row in grid for value in row if math.isfinite(value)]
        low, high = min(known, default=0.0), max(known, default=1.0)
        shown = _thinned(points)
        xs, ys = rounded((x for x, _ in shown), 5), rounded((y for _, y in shown), 5)
        # Even steps of the square root: a bowl has its rings at even distances.
        levels = [low + (high - low) * (k / LEVELS) ** 2 for k in range(1, LEVELS)] if high > low else []
        angle = getattr(self.config.data, "rotation", 0.0)
        return Contour(
            title=f"path at {angle:g} deg" if angle else "path",
            x=Axis(label="x1", low=left, high=right),
            y=Axis(label="x2", low=bottom, high=top),
            values=tuple(rounded_or_none(row, 3) for row in grid),
            levels=rounded(levels, 3),
            paths=(Line(name="path", x=xs, y=ys, text=self._arrival()),),
            spots=(Spots(name="start", x=xs[:1], y=ys[:1]), Spots(name="here", x=xs[-1:], y=ys[-1:])),
        )

    def _arrival(self) -> str:
        """Return the number of steps to a millionth of the first value, or that it is larger, for the legend."""
        return f"1e-6 after {self._reached if self._reached is not None else f'>{len(self._points) - 1}'}"

    def _range(self, points: list[tuple[float, float]], axis: int) -> tuple[float, float]:
        """Return the range of one axis: the path and the minimum, if its place is known, with a margin."""
        seen = [*points, (0.0, 0.0)] if "minimum" in self.setup.data.known else points  # of a bowl, at the origin
        low, high = min(point[axis] for point in seen), max(point[axis] for point in seen)
        widths = [max(point[k] for point in seen) - min(point[k] for point in seen) for k in (0, 1)]
        if len(points) < 3:  # nothing is known yet but where it starts
            low, high = min(low, -abs(points[0][axis])), max(high, abs(points[0][axis]))
            widths = [2 * max(abs(points[0][k]) for k in (0, 1)) or 1.0] * 2
        widest = max(widths)
        wide = max(high - low, widest * (EVEN if min(widths) >= widest * NARROW else 0.002), 1e-9)
        middle = (low + high) / 2
        return middle - wide * (0.5 + AIR), middle + wide * (0.5 + AIR)

    def _point(self) -> tuple[float, float]:
        x, y = torch.cat([parameter.detach().flatten() for parameter in self._parameters]).tolist()
        return x, y

    def _value(self, point: tuple[float, float]) -> float:
        """Return the value of the function at a point."""
        with model_inspection.quiet(self.setup.model), torch.no_grad():
            return float(self._function(torch.tensor(point, dtype=torch.float64)))

    def _function(self, point: Tensor) -> Tensor:
        setup = self.setup
        outputs = functional_call(setup.model, self._at(point), self._split.inputs)
        return setup.objective(outputs, self._split.targets)

    def _at(self, point: Tensor) -> dict[str, Tensor]:
        """Return the parameters by name at a point in the plane."""
        found: dict[str, Tensor] = {}
        at = 0
        for name, parameter in self.setup.model.named_parameters():
            if parameter.requires_grad:
                count = parameter.numel()
                found[name] = point[at : at + count].to(parameter).view_as(parameter)
                at += count
        return found

    def _steeper(self) -> int:
        """Return the coordinate with the larger curvature."""
        at = torch.tensor(self._points[0], dtype=torch.float64)
        with torch.enable_grad(), model_inspection.quiet(self.setup.model):
            curvature: Tensor = jacrev(grad(self._function))(at)
        return int(curvature.diagonal().abs().argmax())


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points to draw, in steps of two points each: single points would make a zigzag look smooth."""
    if len(points) <= SHOWN:
        return points
    early, late = SHOWN // 3, len(points) - RECENT
    steps = (SHOWN - early - RECENT) // 2
    starts = [early + k * (late - 2 - early) // (steps - 1) for k in range(steps)]
    indices = sorted({*range(early), *starts, *(index + 1 for index in starts), *range(late, len(points))})
    return [points[index] for index in indices]
