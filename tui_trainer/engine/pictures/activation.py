"""Activation functions: what they do, what their derivatives let through, what they cost."""

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
"""The stream of the normal numbers that the shares are counted over."""
SAMPLES = 1_000_000
POINTS = 121
"""Places of a curve; half of them where there are several functions."""
ROUNDS = 15


class ActivationPicture(PictureSource[ActivationCurves]):
    """Function and derivative on the same axes, and four numbers of each."""

    def take(self) -> PictureResult:
        device = self.setup.device
        kinds: tuple[Activation, ...] = self.choice.kinds or (self.config.model.activation,)
        lines: list[Line] = []
        numbers: Numbers = {}
        draws = torch.randn(SAMPLES, generator=seeded(0, _DRAWS)).to(device)
        places = torch.linspace(-6, 6, POINTS if len(kinds) == 1 else POINTS // 2 + 1, dtype=torch.float64)
        fine = torch.linspace(-6, 6, 12_001, dtype=torch.float64)
        for choice in kinds:
            name, exact = choice.kind, choice.build().double()
            value, slope = _curve(exact, places)
            _, steep = _curve(exact, fine)
            _, drawn = _curve(choice.build().to(device), draws)
            lines += [
                Line(name=name, x=rounded(places), y=rounded(value, 3)),
                Line(name=f"{name}'", x=rounded(places), y=rounded(slope, 3), dotted=True),
            ]
            numbers[f"max_derivative/{name}"] = float(steep.max())
            numbers[f"zero_share/{name}"] = float((drawn == 0).double().mean())
            numbers[f"mean_square_derivative/{name}"] = float(drawn.double().square().mean())
            numbers[f"nanoseconds/{name}"] = self._nanoseconds(choice.build().to(device), draws)
        return PictureResult(Lines(title="activation", x=Axis(label="z"), lines=tuple(lines)), numbers)

    def _nanoseconds(self, function: nn.Module, draws: Tensor) -> float:
        """Nanoseconds for each element of a million: the shortest of several rounds, after one that does not count."""
        device, found = self.setup.device, list[float]()
        with torch.no_grad():
            for _ in range(ROUNDS + 1):
                synchronize(device)
                begun = perf_counter()
                function(draws)
                synchronize(device)
                found.append(perf_counter() - begun)
        return min(found[1:]) / len(draws) * 1e9


def _curve(function: nn.Module, places: Tensor) -> tuple[Tensor, Tensor]:
    """Values and derivatives at places, by torch's own derivative."""
    with torch.enable_grad():
        z = places.detach().clone().requires_grad_()
        value = function(z)
        (slope,) = torch.autograd.grad(value.sum(), z)
    return value.detach(), slope
