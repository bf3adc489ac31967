"""The curvature of the training loss: the extreme eigenvalues of its Hessian."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, jacrev

from tui_trainer.components.pictures import HessianPicture
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureContext, PictureResult, PictureSource
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Axis, Line, Lines, Rule, rounded

MOST = 400
"""Most parameters: the Hessian has the square of that many numbers."""


class HessianEigenvalues(PictureSource[HessianPicture]):
    """The smallest and the largest eigenvalue over the epochs, and the norm of the full gradient.

    `negative` is the number of eigenvalues below -1e-6 of the largest magnitude; at a minimum there is none.
    """

    def __init__(self, choice: HessianPicture, context: PictureContext) -> None:
        super().__init__(choice, context)
        count = sum(parameter.numel() for parameter in context.setup.parameters)
        if count > MOST:
            raise UserError(
                f'pictures: "hessian" computes {count:,} x {count:,} second derivatives; use a network of at most '
                f"{MOST} parameters"
            )
        self._rows: list[tuple[float, float, float, float]] = []

    def take(self) -> PictureResult:
        values, gradient = self._measured()
        smallest, largest = float(values[0]), float(values[-1])
        self._rows = [row for row in self._rows if row[0] < self.state.epoch]
        self._rows.append((float(self.state.epoch), smallest, largest, gradient))
        epochs = rounded((row[0] for row in self._rows), 7)
        lines = tuple(
            Line(name=name, x=epochs, y=rounded(row[column] for row in self._rows), dotted=column == 3)
            for column, name in ((1, "smallest"), (2, "largest"), (3, "gradient norm"))
        )
        drawing = Lines(
            title="eigenvalues of the Hessian", x=Axis(label="epoch"), lines=lines, levels=(Rule(at=0.0, text="0"),)
        )
        numbers: Numbers = {
            "smallest": smallest,
            "largest": largest,
            "gradient": gradient,
            "negative": float((values < -1e-6 * values.abs().max()).sum()),
            "parameters": float(len(values)),
        }
        return PictureResult(drawing, numbers)

    def _measured(self) -> tuple[Tensor, float]:
        """Return the eigenvalues in ascending order, and the norm of the gradient, both in float64."""
        setup = self.setup
        names = [name for name, parameter in setup.model.named_parameters() if parameter.requires_grad]
        shapes = [parameter.shape for parameter in setup.parameters]
        fixed = {name: buffer.double() for name, buffer in setup.model.named_buffers()}
        train = setup.data.train
        inputs = train.inputs.double() if train.inputs.is_floating_point() else train.inputs
        targets = train.targets.double() if train.targets.is_floating_point() else train.targets

        def loss(flat: Tensor) -> Tensor:
            parts = flat.split([shape.numel() for shape in shapes])
            state = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
            return setup.objective(functional_call(setup.model, {**fixed, **state}, (inputs,)), targets)

        flat = torch.cat([parameter.detach().flatten() for parameter in setup.parameters]).double()
        with model_inspection.quiet(setup.model), torch.enable_grad():
            gradient: Tensor = grad(loss)(flat)
            hessian: Tensor = jacrev(grad(loss))(flat)
        return torch.linalg.eigvalsh((hessian + hessian.T) / 2).cpu(), float(gradient.norm())

    def state_dict(self) -> Any:
        return self._rows

    def load_state_dict(self, state: Any) -> None:
        self._rows = [(row[0], row[1], row[2], row[3]) for row in state]
