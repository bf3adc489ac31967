"""Histograms of the weights of each layer, or of the sums that leave it."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.components.pictures import Histograms
from tui_trainer.engine.answers.scores import counts_of
from tui_trainer.engine.answers.undisturbed import undisturbed
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Histogram

LAYERS = 12
"""Most layers; of more, an evenly spaced sample."""
MAX_VALUES = 1 << 18
"""Most numbers of a layer that are counted; of more, an evenly spaced sample."""
SAMPLES = 256
"""Validation samples that go through the model for activations."""


class HistogramsPicture(PictureSource[Histograms]):
    """One histogram for each layer with a weight matrix, from input to output."""

    def take(self) -> PictureResult | None:
        values = self._weights() if self.choice.of == "weights" else self._activations()
        names = list(values)
        if len(names) > LAYERS:
            names = [names[index * (len(names) - 1) // (LAYERS - 1)] for index in range(LAYERS)]
        groups, numbers = [], Numbers()
        for name in names:
            counted = _finite(values[name])
            numbers[f"mean/{name}"] = float(counted.mean()) if len(counted) else None
            numbers[f"deviation/{name}"] = float(counted.std(correction=0)) if len(counted) else None
            if len(counted):
                groups.append(counts_of(name, counted, self.choice.bins))
        if not groups:
            return None
        return PictureResult(Histogram(title=self.choice.of, groups=tuple(groups)), numbers)

    def _weights(self) -> dict[str, Tensor]:
        return dict(model_inspection.weights_of(self.setup))

    def _activations(self) -> dict[str, Tensor]:
        setup = self.setup
        with model_inspection.sums(setup) as seen, undisturbed(setup.model, setup.device):
            setup.model(setup.data.validation.inputs[:SAMPLES])
        return seen


def _finite(values: Tensor) -> Tensor:
    """Return the finite numbers on the CPU in float64, an evenly spaced sample of many."""
    flat = values.detach().flatten()
    flat = flat[:: -(-len(flat) // MAX_VALUES)] if len(flat) else flat
    flat = flat.to("cpu", torch.float64)
    return flat[torch.isfinite(flat)]
