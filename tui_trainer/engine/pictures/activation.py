"""Activation functions: values, derivatives and cost."""

from __future__ import annotations

from time import perf_counter

import torch
from torch import Tensor, nn

from tui_trainer.components.activations import Activation
from tui_trainer.components.pictures import ActivationCurves
from tui_trainer.engine.batches import seeded
from tui_trainer.engine.device import synchronize
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Line, Lines, rounded

_DRAWS = 3
"""Random stream of the normal numbers that the shares are counted over."""
SAMPLES = 1_000_000
POINTS = 121
"""Points of a curve; half as many if there are several functions."""
ROUNDS = 15


class ActivationPicture(PictureSource[ActivationCurves]):
    """Function and derivative on the same axes, with four numbers of each."""

    def take(self) -> PictureResult:
        device = self.setup.device
        kinds: tuple[Activation, ...] = self.choice.kinds or (self.config.model.activation,)
        lines: list[Line] = []
        numbers: Numbers = {}
        draws = torch.randn(SAMPLES, generator=seeded(0, _DRAWS)).to(device)
        points = torch.linspace(-6, 6, POINTS if len(kinds) == 1 else POINTS // 2 + 1, dtype=torch.float64)
        fine = torch.linspace(-6, 6, 12_001, dtype=torch.float64)
        for choice in kinds:
            name, exact = choice.kind, choice.build().double()
            value, derivative = _curve(exact, points)
            _, fine_derivative = _curve(exact, fine)
            _, drawn = _curve(choice.build().to(device), draws)
            lines += [
                Line(name=name, x=rounded(points), y=rounded(value, 3)),
                Line(name=f"{name}'", x=rounded(points), y=rounded(derivative, 3), dotted=True),
            ]
            numbers[f"max_derivative/{name}"] = float(fine_derivative.max())
            numbers[f"zero_share/{name}"] = float((drawn == 0).double().mean())
            numbers[f"mean_square_derivative/{name}"] = float(drawn.double().square().mean())
            numbers[f"nanoseconds/{name}"] = self._nanoseconds(choice.build().to(device), draws)
        return PictureResult(Lines(title="activation", x=Axis(label="z"), lines=tuple(lines)), numbers)

    def _nanoseconds(self, function: nn.Module, draws: Tensor) -> float:
        """Return nanoseconds for each of a million elements: the shortest of several rounds after a warm-up."""
        device, times = self.setup.device, list[float]()
        with torch.no_grad():
            for _ in range(ROUNDS + 1):
                synchronize(device)
                began = perf_counter()
                function(draws)
                synchronize(device)
                times.append(perf_counter() - began)
        return min(times[1:]) / len(draws) * 1e9


def _curve(function: nn.Module, points: Tensor) -> tuple[Tensor, Tensor]:
    """Return values and derivatives at points, by autograd."""
    with torch.enable_grad():
        z = points.detach().clone().requires_grad_()
        value = function(z)
        (derivative,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), derivative
