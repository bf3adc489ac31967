"""Step probes: compare the decrease of the loss in some steps with the decrease that the gradient predicts."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tui_trainer.diagnosis.reducer import COSINE, QUALITY, UPDATE
from tui_trainer.engine import rng
from tui_trainer.engine.monitoring import layer_stats
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.engine.steps.accumulated import mean_loss

DENSER = 4
"""Factor by which probes are more frequent at the start, over as many of the later intervals."""
LOSSES = [0, 2]
"""Numbers of a probe that are of the loss."""
CLOSE = 1e-6
"""Share of the loss below which a predicted decrease is lost in the rounding of float32."""


class StepProber:
    """Probes some steps, chosen by the step number alone, so that a resumed run probes the same ones.

    A probe is one more forward pass on the batch of its step, with the same dropout, and a few norms. It changes
    nothing in the run.

    Args:
        setup: the model and its data.
        every: steps between two probes, 0 for none.
    """

    def __init__(self, setup: TrainingSetup, every: int) -> None:
        self._setup = setup
        self._every = every
        self._units = layer_stats.units_of(setup.model)
        self._buffers = list(setup.model.buffers())
        self._checks_loss = setup.device.type == "cpu"
        self.culprit: str | None = None
        """First layer with a non-finite gradient when the loss became non-finite; empty if none, None before."""

    def due(self, step: int) -> bool:
        """Return whether the step that follows `step` others is probed."""
        every = self._every
        if not every:
            return False
        return step % every == 0 or (step < DENSER * every and step % max(every // DENSER, 1) == 0)

    def begin(self, step: int) -> StepProbe | None:
        """Return a probe of the coming step if one is due; call it while the gradients of the last batch are there."""
        return StepProbe(self._setup, self._buffers) if self.due(step) else None

    def check_loss(self, loss: Tensor) -> None:
        """Note the layer where a non-finite loss comes from, after the backward pass and before a weight moves.

        Only on the CPU, where reading a loss does not wait for a device.
        """
        if self._checks_loss and self.culprit is None and not math.isfinite(loss.item()):
            self.culprit = first_non_finite(self._setup.layers, gradients=True)

    def cause(self) -> tuple[str, bool]:
        """Return the first layer with non-finite numbers, and whether the training data has any."""
        split = self._setup.data.train
        data = not all(_finite(part) for part in (split.inputs, split.targets))
        return self.culprit or first_non_finite(self._setup.layers, gradients=False), data

    @contextmanager
    def watching(self, epoch: int, steps: int) -> Generator[dict[str, Tensor] | None]:
        """Record the activations of the hidden layers during the validation at the end of an epoch of `steps` steps.

        Due after the first epoch and then once in four intervals of the probes; yields None if not due.
        """
        every = DENSER * self._every
        if not every or (epoch > 1 and (epoch - 1) * steps // every == epoch * steps // every):
            yield None
            return
        with layer_stats.watching(self._units) as activity:
            yield activity

    def state_dict(self, step: int) -> list[Tensor | None]:
        """Return the gradients of the last batch if the next step is probed, which compares its own with them."""
        gradients = [parameter.grad for parameter in self._setup.parameters]
        if not self.due(step) or all(gradient is None for gradient in gradients):
            return []
        return [None if gradient is None else _as_dense(gradient).detach() for gradient in gradients]

    def load_state_dict(self, gradients: list[Tensor | None]) -> None:
        """Load what `state_dict` returned."""
        parameters = self._setup.parameters
        for parameter, gradient in zip(parameters, gradients or [None] * len(parameters), strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)


class StepProbe:
    """The probe of one step."""

    def __init__(self, setup: TrainingSetup, buffers: list[Tensor]) -> None:
        self._setup = setup
        self._buffers = buffers
        self._parameters = setup.parameters
        graphed = setup.forward is not setup.plain_forward  # graphs overwrite the gradients in the next pass
        self._gradients_before = [
            parameter.grad.clone() if graphed and parameter.grad is not None else parameter.grad
            for parameter in self._parameters
        ]
        self._rng = rng.state_dict(setup.device)

    def before_step(self) -> None:
        """Keep weights and gradients, before clipping and before a weight moves."""
        self._weights = _flat([parameter.detach() for parameter in self._parameters])
        self._gradient = _flat(_dense([parameter.grad for parameter in self._parameters], self._parameters))

    def after_step(self, inputs: Tensor, targets: Tensor, loss: Tensor) -> Tensor:
        """Return `[decrease, predicted decrease, loss, |dw|, |w|, g g', |g|, |g'|]` after the update, on the device."""
        move = _flat([parameter.detach() for parameter in self._parameters]) - self._weights
        if all(gradient is None for gradient in self._gradients_before):
            before = torch.zeros_like(self._gradient)
        else:
            before = _flat(_dense(self._gradients_before, self._parameters))
        loss_after = self._loss_after(inputs, targets)
        if self._setup.share is not None:
            loss_after = self._setup.share.weighted(loss_after)
        gradient = self._gradient
        norms = [torch.linalg.vector_norm(vector) for vector in (move, self._weights, gradient, before)]
        numbers = [
            loss.detach() - loss_after,
            -gradient.dot(move),
            loss.detach(),
            *norms[:2],
            gradient.dot(before),
            *norms[2:],
        ]
        return torch.stack([number.to(torch.float32) for number in numbers])

    def _loss_after(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of the same batch with the weights as they are now; random streams and buffers stay."""
        setup = self._setup
        drawn, buffers = rng.state_dict(setup.device), [buffer.clone() for buffer in self._buffers]
        rng.load_state_dict(self._rng, setup.device)
        try:
            with torch.no_grad(), setup.autocast:
                return mean_loss(
                    lambda part, wanted: setup.objective(setup.plain_forward(part), wanted).detach(),
                    inputs,
                    targets,
                    setup.part_size,
                )
        finally:
            rng.load_state_dict(drawn, setup.device)
            for buffer, values in zip(self._buffers, buffers, strict=True):
                buffer.copy_(values)


def columns_of(rows: list[list[float]]) -> dict[str, list[float | None]]:
    """Return the columns that probes are published in; None for numbers that could not be measured."""
    return {
        QUALITY: [_ratio(fall, predicted, CLOSE * abs(loss)) for fall, predicted, loss, *_ in rows],
        UPDATE: [_ratio(row[3], row[4]) for row in rows],
        COSINE: [_ratio(row[5], row[6] * row[7]) for row in rows],
    }


def _ratio(numerator: float, denominator: float, least: float = 0.0) -> float | None:
    return layer_stats.finite(numerator / denominator) if abs(denominator) > least else None


def effective_rate(optimizer: torch.optim.Optimizer) -> float | None:
    """Return Adagrad's median of lr / sqrt(sum of squared gradients) over coordinates with gradients; else None."""
    if not isinstance(optimizer, torch.optim.Adagrad):
        return None
    rates: list[Tensor] = []
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            total = optimizer.state[parameter].get("sum") if parameter in optimizer.state else None
            if isinstance(total, Tensor):
                positive = total[total > 0]
                rates.append(group["lr"] / (positive.sqrt() + group["eps"]))
    known = torch.cat(rates) if rates else torch.empty(0)
    return float(known.median()) if known.numel() else None


def first_non_finite(layers: layer_stats.Layers, *, gradients: bool) -> str:
    """Return the first layer, from input to output, with a non-finite gradient or weight; empty if none."""
    for name, parameters in layers:
        tensors = layer_stats.gradients_of(parameters) if gradients else list(parameters)
        if not all(_finite(tensor) for tensor in tensors):
            return name
    return ""


def _finite(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor.detach()).all())


def _dense(gradients: list[Tensor | None], parameters: list[nn.Parameter]) -> list[Tensor]:
    """Return gradients as dense tensors, zeros for missing ones."""
    return [
        torch.zeros_like(parameter) if gradient is None else _as_dense(gradient)
        for gradient, parameter in zip(gradients, parameters, strict=True)
    ]


def _as_dense(gradient: Tensor) -> Tensor:
    return gradient.to_dense() if gradient.is_sparse else gradient


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
