"""Layers at one moment: gradient norm, distance from the first weights, deviation of activations, and rank."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from tui_trainer.components.pictures import LayerBars
from tui_trainer.data.types import Split
from tui_trainer.engine.batches import seeded
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.monitoring.layer_stats import units_of
from tui_trainer.engine.pictures.base import Numbers, PictureContext, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Bars, Group, rounded_or_none

_PROBE = 4
"""Random stream of the samples."""
SHOWN = 24
"""Most layers in the drawing; of more, an evenly spaced sample."""


class LayersPicture(PictureSource[LayerBars]):
    """Three bars for each layer on a logarithmic axis.

    Gradients, movement and rank are those of the weight matrix alone. Movement is |W - W0| / |W0|, and |W - W0| where
    W0 is zero. The deviation is that of what leaves the layer, after its activation; delta is the norm of the
    gradient of the mean loss with respect to the sums of the layer, added up over the samples: where there is a
    bias, its gradient. `delta_ratio` is the mean ratio of one hidden layer's to that of the layer before.
    """

    def __init__(self, choice: LayerBars, context: PictureContext) -> None:
        super().__init__(choice, context)
        self._weights = model_inspection.weights_of(context.setup)
        self._first = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._units = dict(units_of(context.setup.model))
        train, count = context.setup.data.train, choice.samples
        self._split = train
        if 0 < count < len(train):
            rows = torch.randperm(len(train), generator=seeded(context.config.training.seed, _PROBE))[:count]
            rows = rows.to(train.inputs.device)
            self._split = Split(train.inputs[rows], train.targets[rows])

    def take(self) -> PictureResult:
        gradients, deltas = self._gradients()
        deviations = self._deviations()
        numbers: Numbers = {}
        for name, weight in self._weights.items():
            values = model_inspection.singular_values(weight)
            numbers[f"gradient/{name}"] = gradients[name]
            numbers[f"movement/{name}"] = self._movement(name)
            numbers[f"deviation/{name}"] = deviations.get(name)
            numbers[f"rank/{name}"] = model_inspection.rank(weight, values)
            rows = weight.detach().flatten(1)
            numbers[f"row_spread/{name}"] = float((rows.amax(0) - rows.amin(0)).max())
            numbers[f"delta/{name}"] = deltas.get(name)
        numbers["deviation/logits"] = deviations.get("logits")
        hidden = list(deltas.values())[:-1]
        ratios = [second / first for first, second in pairwise(hidden) if first]
        numbers["delta_ratio"] = sum(ratios) / len(ratios) if ratios else None
        return PictureResult(self._drawing(numbers), numbers)

    def _drawing(self, numbers: Numbers) -> Bars:
        names = list(self._weights)
        if len(names) > SHOWN:
            names = [names[index * (len(names) - 1) // (SHOWN - 1)] for index in range(SHOWN)]
        groups = [
            Group(name=short, values=rounded_or_none(numbers[f"{name}/{layer}"] for layer in names))
            for short, name in (("grad", "gradient"), ("moved", "movement"), ("spread", "deviation"))
        ]
        y = Axis(log=True)
        return Bars(title="layers", y=y, labels=tuple(name[-40:] for name in names), groups=tuple(groups))

    def _gradients(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the norms of the gradient of each weight, and with respect to each layer's pre-activations."""
        setup = self.setup
        weights = list(self._weights.values())
        of_weights = [torch.zeros_like(weight) for weight in weights]
        of_sums: dict[str, Tensor] = {}
        with model_inspection.quiet(setup.model), torch.enable_grad():
            for part in model_inspection.chunks(setup, self._split):
                with model_inspection.sums(setup) as seen:
                    loss = setup.objective(setup.model(part.inputs), part.targets)
                known = {name: tensor for name, tensor in seen.items() if tensor.requires_grad}
                found = model_inspection.derivatives(loss, [*weights, *known.values()])
                share = len(part) / len(self._split)
                for held, new in zip(of_weights, found, strict=False):
                    held.add_(new, alpha=share)
                for name, new in zip(known, found[len(weights) :], strict=True):
                    added = share * new.sum(0)
                    of_sums[name] = of_sums[name] + added if name in of_sums else added
        by_weight = {name: float(held.norm()) for name, held in zip(self._weights, of_weights, strict=True)}
        return by_weight, {name: float(held.norm()) for name, held in of_sums.items()}

    def _movement(self, name: str) -> float:
        weight, first = self._weights[name].detach(), self._first[name]
        moved, length = float((weight - first).norm()), float(first.norm())
        return moved / length if length else moved

    def _deviations(self) -> dict[str, float | None]:
        """Return the deviation of each layer's activations in the first chunk, and of the logits."""
        setup, found = self.setup, dict[str, float | None]()
        hooks: list[torch.utils.hooks.RemovableHandle] = []
        for name, module in self._units.items():

            def note(_: object, __: object, output: Tensor, name: str = name) -> None:
                found.setdefault(name, model_inspection.deviation(output))

            hooks.append(module.register_forward_hook(note))
        try:
            last = model_inspection.logits(setup, next(iter(model_inspection.chunks(setup, self._split))).inputs)
        finally:
            for hook in hooks:
                hook.remove()
        found["logits"] = model_inspection.deviation(last)
        output = next(reversed(self._weights), None)
        if output is not None:
            found.setdefault(output, found["logits"])
        return found
