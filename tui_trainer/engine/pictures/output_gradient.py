"""Gradient of an output under a sigmoid, for cross-entropy and squared error."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from tui_trainer.components.pictures import OutputGradient
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Line, Lines, rounded

POINTS = 101
READ = (-10, -2, 0)
"""Logits whose gradients are reported as numbers."""


class OutputGradientPicture(PictureSource[OutputGradient]):
    """|d loss / d z| of one output under a sigmoid whose target is 1, for z from -10 to 10, by autograd."""

    def take(self) -> PictureResult:
        lines: list[Line] = []
        numbers: Numbers = {}
        logits = torch.linspace(-10, 10, POINTS, dtype=torch.float64)
        for name in ("bce", "mse"):
            lines.append(Line(name=name.upper(), x=rounded(logits), y=rounded(_pull(name, logits))))
            for z, pull in zip(READ, _pull(name, torch.tensor(READ, dtype=torch.float64)).tolist(), strict=True):
                numbers[f"{name}_at_{z}"] = pull
        y = Axis(low=0)
        return PictureResult(Lines(title="|gradient|, target 1", x=Axis(label="z"), y=y, lines=tuple(lines)), numbers)


def _pull(name: str, logits: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        z = logits.clone().requires_grad_()
        targets = torch.ones_like(z)
        if name == "bce":
            loss = F.binary_cross_entropy_with_logits(z, targets, reduction="sum")
        else:
            loss = F.mse_loss(torch.sigmoid(z), targets, reduction="sum")
        (slope,) = torch.autograd.grad(loss, z)
    return slope.abs()
