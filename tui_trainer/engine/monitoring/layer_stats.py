"""Layer statistics at one step: norms of gradient, weights and update, and activations."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.monitoring.finiteness import whole
from tui_trainer.protocol.events import Layer

Layers = tuple[tuple[str, tuple[nn.Parameter, ...]], ...]
"""(name, parameters) of each layer with weights of its own, from input to output."""

Units = tuple[tuple[str, nn.Module], ...]
"""(name, activation module) of each layer of hidden units, from input to output."""

_KERNELS: Any = torch
"""torch's functions of many tensors at once have no public name."""

ROWS = 1000
"""Most samples whose activations are measured."""


def class_label(module: nn.Module) -> str:
    """Return the label of a module that is the full model and so has no name: its class in lower case."""
    return type(module).__name__.removesuffix("Module").lower()


def layers_of(model: nn.Module) -> Layers:
    """Return the modules that own trained parameters, by name."""
    layers: list[tuple[str, tuple[nn.Parameter, ...]]] = []
    for name, module in model.named_modules():
        own = tuple(parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad)
        if own:
            layers.append((name or class_label(module), own))
    return tuple(layers)


def units_of(model: nn.Module) -> Units:
    """Return the layers that are followed by an activation module, by name, without the output layer."""
    units: dict[str, nn.Module] = {}
    last = ""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and weight.dim() > 1 and not isinstance(module, nn.Embedding):
            last = name or class_label(module)
        elif last and last not in units and _is_activation(module):
            units[last] = module
    units.pop(last, None)
    return tuple(units.items())


def _is_activation(module: nn.Module) -> bool:
    """Return whether a module acts on each number independently; a softmax does not."""
    home = type(module).__module__
    if home == "torch.nn.modules.activation":
        return not isinstance(module, (nn.MultiheadAttention, nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d))
    return home == "tui_trainer.nn.activations" or isinstance(module, nn.Identity)


@contextmanager
def watching(units: Units) -> Generator[dict[str, Tensor]]:
    """Measure the activations of each layer of hidden units in the first batch that goes through the model.

    Yields (deviation of all activations, share of the units that are 0 for every sample) by layer, on the device. Only
    a ReLU can be silent: the share of other activations is NaN. The unit of a convolution is a channel.
    """
    measurements: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, module in units:

            def note(module: nn.Module, _: object, output: Tensor, name: str = name) -> None:
                if name not in measurements:
                    measurements[name] = _activity(module, output[:ROWS].detach())

            hooks.callback(module.register_forward_hook(note).remove)
        yield measurements


def _activity(module: nn.Module, output: Tensor) -> Tensor:
    if isinstance(module, (nn.ReLU, nn.ReLU6)):
        unit = 1 if output.dim() == 4 else output.dim() - 1
        silent = (output.amax([axis for axis in range(output.dim()) if axis != unit]) <= 0).float().mean()
    else:
        silent = output.new_full((), math.nan)
    return torch.stack([output.std(correction=0), silent])


def activity(measurements: dict[str, Tensor]) -> dict[str, Layer]:
    """Return the measurements of `watching` in the form of an event: one transfer from the device."""
    if not measurements:
        return {}
    rows: list[list[float]] = torch.stack(list(measurements.values())).tolist()
    return {
        name: Layer(activation_std=finite(row[0]), dead=finite(row[1]))
        for name, row in zip(measurements, rows, strict=True)
    }


def norm_of(gradients: list[Tensor]) -> Tensor:
    """Return the global 2-norm of gradients, dense or sparse, on their device; of sharded ones that of all ranks."""
    return whole(torch.nn.utils.get_total_norm([_dense(gradient) for gradient in gradients]))


def measured_norm_of(gradients: list[Tensor]) -> Tensor:
    """Return the global 2-norm of gradients; in double where it does not fit into their type."""
    norm = norm_of(gradients)
    if is_sharded(gradients) or (norm.device.type == "cpu" and not norm.isinf()):
        return norm
    if norm.device.type == "mps" or not gradients:  # MPS has no double
        return norm
    largest = largest_of(gradients).double()
    if norm.device.type == "cpu":
        if not largest.isfinite():
            return norm
        return norm_of([_dense(gradient).double() / largest for gradient in gradients]) * largest
    # Without a look at the norm, which would wait for the device.
    wide = norms_of([_dense(gradient) for gradient in gradients])
    return torch.where(norm.isinf(), torch.linalg.vector_norm(wide), norm.double())


def is_sharded(gradients: list[Tensor]) -> bool:
    """Return whether gradients are shared out over several ranks: their norm is not taken again in double."""
    return bool(gradients) and hasattr(gradients[0], "full_tensor")


def norms_of(tensors: list[Tensor]) -> Tensor:
    """Return the 2-norm of each dense tensor; in double where one does not fit into their type."""
    norms = torch.stack(_KERNELS._foreach_norm(tensors))
    if norms.device.type == "mps" or (norms.device.type == "cpu" and not norms.isinf().any()):
        return norms
    wide = torch.stack(_KERNELS._foreach_norm(tensors, 2, dtype=torch.float64))
    return torch.where(norms.isinf(), wide, norms.double())


def largest_of(gradients: list[Tensor]) -> Tensor:
    """Return the largest magnitude of all gradients, dense or sparse, on their device; NaN if one is NaN."""
    return torch.nn.utils.get_total_norm([_dense(gradient) for gradient in gradients], torch.inf)


def gradients_of(parameters: tuple[nn.Parameter, ...] | list[nn.Parameter]) -> list[Tensor]:
    """Return the gradients of the parameters that have one."""
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def weights_before(layers: Layers) -> list[Tensor]:
    """Return copies of every layer's weights, for `measure` after the step."""
    return [parameter.detach().clone() for _, own in layers for parameter in own]


def measure(layers: Layers, before: list[Tensor]) -> Tensor:
    """Return norms of gradients, of the weights `before`, and of their update: `[3, parameters]`, on the device."""
    own = [parameter for _, own in layers for parameter in own]
    with torch.no_grad():
        moved = _KERNELS._foreach_sub(own, before)
        gradients = [
            was.new_zeros(()) if parameter.grad is None else _dense(parameter.grad)
            for parameter, was in zip(own, before, strict=True)
        ]
        return norms_of([*gradients, *before, *moved]).view(3, -1)


def measured(layers: Layers, norms: list[list[float]]) -> dict[str, Layer]:
    """Return the norms of `measure` in the form of an event: gradient, weights and |update| / |weights| by layer."""
    by_layer: dict[str, Layer] = {}
    first = 0
    for name, own in layers:
        gradient, weights, moved = (math.hypot(*column[first : first + len(own)]) for column in norms)
        first += len(own)
        ratio = moved / max(weights, 1e-12)
        by_layer[name] = Layer(grad_norm=finite(gradient), weight_norm=finite(weights), update_ratio=finite(ratio))
    return by_layer


def _dense(tensor: Tensor) -> Tensor:
    return tensor.coalesce().values() if tensor.is_sparse else tensor


def finite(value: float) -> float | None:
    """Return the value, None if it is not finite."""
    return value if math.isfinite(value) else None
