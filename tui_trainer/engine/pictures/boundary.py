"""The predicted class at each point of the plane."""

from __future__ import annotations

import torch

from tui_trainer.components.pictures import Boundary
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import PictureContext, PictureResult, PictureSource
from tui_trainer.errors import UserError
from tui_trainer.protocol.pictures import Axis, Contour, Spots, rounded, rounded_or_none

COLUMNS, ROWS = 40, 24
DOTS = 100
"""Most validation samples in the drawing."""
AIR = 0.08


class BoundaryPicture(PictureSource[Boundary]):
    """The plane of the two features, standardised as the model sees them, and the validation samples on it."""

    def __init__(self, choice: Boundary, context: PictureContext) -> None:
        super().__init__(choice, context)
        shape = context.setup.data.shape
        if shape.inputs != (2,):
            size = " x ".join(str(side) for side in shape.inputs)
            raise UserError(
                f'pictures: "boundary" is drawn over a plane, and a sample is {size} numbers: use data with two '
                "features such as moons, circles or spirals"
            )
        points = torch.cat([context.setup.data.train.inputs, context.setup.data.validation.inputs])
        low, high = points.amin(0), points.amax(0)
        air = AIR * (high - low).clamp_min(1e-3)
        (self._left, self._bottom), (self._right, self._top) = (low - air).tolist(), (high + air).tolist()

    def take(self) -> PictureResult:
        setup = self.setup
        names = tuple(name[:40] for name in setup.data.classes) or tuple(
            str(k) for k in range(setup.data.shape.targets)
        )
        like = setup.data.validation.inputs
        across = torch.linspace(self._left, self._right, COLUMNS, dtype=like.dtype, device=like.device)
        upward = torch.linspace(self._bottom, self._top, ROWS, dtype=like.dtype, device=like.device)
        grid = torch.cartesian_prod(upward, across).flip(-1)
        with model_inspection.quiet(setup.model), torch.no_grad():
            answers = setup.objective.predict(setup.model(grid)).view(ROWS, COLUMNS).cpu()
            predictions = setup.objective.predict(setup.model(like))
        true = setup.data.validation.targets
        certainty = self._certainty(grid)
        spots: list[Spots] = []
        for index, name in enumerate(names):
            mine = like[true == index][:: max(-(-len(like) // DOTS), 1)].cpu()
            if len(mine):
                spots.append(Spots(name=name, x=rounded(mine[:, 0], 3), y=rounded(mine[:, 1], 3)))
        drawing = Contour(
            title="boundary",
            x=Axis(low=self._left, high=self._right),
            y=Axis(low=self._bottom, high=self._top),
            values=tuple(rounded_or_none(row) for row in answers),
            regions=names,
            certainty=tuple(rounded_or_none(row) for row in certainty.view(ROWS, COLUMNS))
            if certainty is not None
            else (),
            spots=tuple(spots[:40]),
        )
        return PictureResult(drawing, {"accuracy": float((predictions == true).double().mean())})

    def _certainty(self, grid: torch.Tensor) -> torch.Tensor | None:
        """Return how far the largest probability is above that of a guess, from 0 to 1; None without probabilities."""
        loss, head = self.config.loss.kind, self.config.model.head
        if loss not in ("cross-entropy", "nll", "bce", "bce-with-logits") and head == "identity":
            return None
        sums = model_inspection.logits(self.setup, grid).double()
        shares = model_inspection.probabilities(sums, loss, head)
        chance = 1 / max(shares.shape[-1], 2)
        return ((shares.amax(-1) - chance) / (1 - chance)).clamp(0, 1).round(decimals=1).cpu()
