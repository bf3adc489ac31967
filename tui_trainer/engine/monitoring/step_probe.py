"""Some steps, looked at closely: whether the loss fell by what the gradient promised. Nothing of the run is changed."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tui_trainer.diagnosis.reducer import COSINE, QUALITY, UPDATE
from tui_trainer.engine import rng
from tui_trainer.engine.monitoring import layer_stats

if TYPE_CHECKING:
    from tui_trainer.engine.setup import TrainingSetup

DENSER = 4
"""So many times as often a step is probed in the beginning, over as many of the later intervals."""
CLOSE = 1e-6
"""Share of the loss below which a promised fall is lost in the rounding of float32."""


class StepProber:
    """Probes a step now and then; which ones is a function of the step alone, so that a resumed run probes the same.

    A probe is one more forward pass on the batch of its step, with the same dropout, and a few norms.

    Args:
        shop: what the run trains with.
        every: steps between two probes, 0 for none.
    """

    def __init__(self, shop: TrainingSetup, every: int) -> None:
        self._shop = shop
        self._every = every
        self._units = layer_stats.units_of(shop.model)
        self._buffers = list(shop.model.buffers())
        self._looks = shop.device.type == "cpu"
        self.culprit: str | None = None
        """The first layer whose gradient was no number when the loss was none, empty where all were numbers."""

    def due(self, step: int) -> bool:
        """Whether the step that follows `step` others is probed."""
        every = self._every
        if not every:
            return False
        return step % every == 0 or (step < DENSER * every and step % max(every // DENSER, 1) == 0)

    def begin(self, step: int) -> StepProbe | None:
        """Before the gradients of the batch before are cleared: a probe of the coming step where one is due."""
        return StepProbe(self._shop, self._buffers) if self.due(step) else None

    def look(self, loss: Tensor) -> None:
        """After the backward pass: note where the numbers ended, while the weights are still those of this step.

        Only on the CPU, where reading a loss waits for nothing.
        """
        if self._looks and self.culprit is None and not math.isfinite(loss.item()):
            self.culprit = first_lost(self._shop.layers, gradients=True)

    def cause(self) -> tuple[str, bool]:
        """Of a loss that is no number: the first layer that held none, and whether the training data do."""
        split = self._shop.data.train
        data = not all(_finite(part) for part in (split.inputs, split.targets))
        return self.culprit or first_lost(self._shop.layers, gradients=False), data

    @contextmanager
    def watching(self, epoch: int, steps: int) -> Generator[dict[str, Tensor] | None]:
        """Note what comes out of the hidden layers in the validation that ends this epoch of so many steps.

        Yields None where it is not looked at: after the first epoch it is, then once in four intervals of the probes.
        """
        every = DENSER * self._every
        if not every or (epoch > 1 and (epoch - 1) * steps // every == epoch * steps // every):
            yield None
            return
        with layer_stats.watching(self._units) as seen:
            yield seen

    def gradients_before(self, step: int) -> list[Tensor | None]:
        """What a checkpoint keeps of the last batch: its gradients, where the next step is measured against them."""
        found = [parameter.grad for parameter in self._shop.parameters]
        if not self.due(step) or all(gradient is None for gradient in found):
            return []
        return [None if gradient is None else _as_dense(gradient).detach() for gradient in found]

    def put_back(self, gradients: list[Tensor | None]) -> None:
        """Put back what `gradients_before` gave."""
        parameters = self._shop.parameters
        for parameter, gradient in zip(parameters, gradients or [None] * len(parameters), strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)


class StepProbe:
    """One step under the glass."""

    def __init__(self, shop: TrainingSetup, buffers: list[Tensor]) -> None:
        self._shop = shop
        self._buffers = buffers
        self._parameters = shop.parameters
        self._gradients_before = [parameter.grad for parameter in self._parameters]
        self._rng = rng.take(shop.device)

    def before_step(self) -> None:
        """With the gradients of the batch there, not clipped yet, and the weights not moved."""
        self._weights = _flat([parameter.detach() for parameter in self._parameters])
        self._gradient = _flat(_dense([parameter.grad for parameter in self._parameters], self._parameters))

    def after_step(self, inputs: Tensor, targets: Tensor, loss: Tensor) -> Tensor:
        """The weights have moved: `[fall, promised, loss, |dw|, |w|, g g', |g|, |g'|]`, still on the device."""
        move = _flat([parameter.detach() for parameter in self._parameters]) - self._weights
        if all(gradient is None for gradient in self._gradients_before):
            before = torch.zeros_like(self._gradient)
        else:
            before = _flat(_dense(self._gradients_before, self._parameters))
        moved = self._loss_again(inputs, targets)
        gradient = self._gradient
        norms = [torch.linalg.vector_norm(vector) for vector in (move, self._weights, gradient, before)]
        numbers = [
            loss.detach() - moved,
            -gradient.dot(move),
            loss.detach(),
            *norms[:2],
            gradient.dot(before),
            *norms[2:],
        ]
        return torch.stack([number.to(torch.float32) for number in numbers])

    def _loss_again(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of the same batch with the weights as they are now; the run's own streams and buffers stay."""
        shop = self._shop
        drawn, kept = rng.take(shop.device), [buffer.clone() for buffer in self._buffers]
        rng.put(self._rng, shop.device)
        try:
            with torch.no_grad(), shop.autocast:
                return shop.objective(shop.again(inputs), targets).detach()
        finally:
            rng.put(drawn, shop.device)
            for buffer, was in zip(self._buffers, kept, strict=True):
                buffer.copy_(was)


def columns_of(rows: list[list[float]]) -> dict[str, list[float | None]]:
    """The columns that probes are published in; what could not be measured is None."""
    return {
        QUALITY: [_share(fall, promised, CLOSE * abs(loss)) for fall, promised, loss, *_ in rows],
        UPDATE: [_share(row[3], row[4]) for row in rows],
        COSINE: [_share(row[5], row[6] * row[7]) for row in rows],
    }


def _share(part: float, whole: float, least: float = 0.0) -> float | None:
    return layer_stats.finite(part / whole) if abs(whole) > least else None


def effective_rate(optimizer: torch.optim.Optimizer) -> float | None:
    """Of Adagrad the median of lr / sqrt(sum of squared gradients) over all coordinates that ever had a gradient."""
    if not isinstance(optimizer, torch.optim.Adagrad):
        return None
    rates: list[Tensor] = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            total = optimizer.state[parameter].get("sum") if parameter in optimizer.state else None
            if isinstance(total, Tensor):
                seen = total[total > 0]
                rates.append(group["lr"] / (seen.sqrt() + group["eps"]))
    known = torch.cat(rates) if rates else torch.empty(0)
    return float(known.median()) if known.numel() else None


def first_lost(own: layer_stats.Layers, *, gradients: bool) -> str:
    """The first layer, from input to output, with a gradient or a weight that is no number; empty where none has."""
    for name, parameters in own:
        tensors = layer_stats.gradients_of(parameters) if gradients else list(parameters)
        if not all(_finite(tensor) for tensor in tensors):
            return name
    return ""


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.detach()).all())


def _dense(gradients: list[Tensor | None], parameters: list[nn.Parameter]) -> list[Tensor]:
    """Gradients as dense tensors, zeros where there is none."""
    return [
        torch.zeros_like(parameter) if gradient is None else _as_dense(gradient)
        for gradient, parameter in zip(gradients, parameters, strict=True)
    ]


def _as_dense(gradient: Tensor) -> Tensor:
    return gradient.to_dense() if gradient.is_sparse else gradient


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
