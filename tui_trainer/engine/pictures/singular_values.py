"""The singular values of each weight matrix."""

from __future__ import annotations

import torch

from tui_trainer.components.pictures import SingularValues
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Line, Lines, rounded

SHOWN = 12
POINTS = 60


class SingularValuesPicture(PictureSource[SingularValues]):
    """A line for each matrix, from its largest to its smallest singular value, over their relative index.

    `orthogonality/<layer>` is the largest element of W^T W - gain^2 I (of W W^T where W is wider than high), with the
    gain of the initialisation where it has one, else 1.
    """

    def take(self) -> PictureResult | None:
        gain: float = getattr(self.config.model.init, "gain", None) or 1.0
        lines: list[Line] = []
        numbers: Numbers = {}
        for name, weight in model_inspection.weights_of(self.setup).items():
            values = model_inspection.singular_values(weight)
            if not values:
                continue
            numbers[f"largest/{name}"], numbers[f"smallest/{name}"] = values[0], values[-1]
            matrix = weight.detach().flatten(1).to("cpu", torch.float64)
            tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
            off = tall.T @ tall - gain**2 * torch.eye(tall.shape[1], dtype=torch.float64)
            numbers[f"orthogonality/{name}"] = float(off.abs().max())
            count = len(values)
            indices = sorted({round(k * (count - 1) / (POINTS - 1)) for k in range(POINTS)})
            share = [index / max(count - 1, 1) for index in indices]
            lines.append(Line(name=name[-40:], x=rounded(share), y=rounded(values[index] for index in indices)))
        if not lines:
            return None
        shown = lines if len(lines) <= SHOWN else [lines[k * (len(lines) - 1) // (SHOWN - 1)] for k in range(SHOWN)]
        x = Axis(label="share", low=0, high=1)
        return PictureResult(Lines(title="singular values", x=x, y=Axis(low=0), lines=tuple(shown)), numbers)
