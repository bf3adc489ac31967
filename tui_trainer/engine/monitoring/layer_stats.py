"""Layer statistics of one step: gradient norm, weight norm and update ratio of each layer."""

from __future__ import annotations

import math
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.protocol.events import Layer

Layers = tuple[tuple[str, tuple[nn.Parameter, ...]], ...]
"""Each layer with weights of its own, from input to output."""

Units = tuple[tuple[str, nn.Module], ...]
"""Each layer of hidden units with its activation, from input to output."""

_KERNELS: Any = torch
"""Its functions of many tensors at once have no public name."""

ROWS = 1000
"""Samples, at most, whose activations are looked at."""


def class_label(module: nn.Module) -> str:
    """The label of a module that is the whole model and so has no name: its class, in lower case."""
    return type(module).__name__.removesuffix("Module").lower()


def layers_of(model: nn.Module) -> Layers:
    """The modules that own trained parameters, by name."""
    found: list[tuple[str, tuple[nn.Parameter, ...]]] = []
    for name, module in model.named_modules():
        own = tuple(parameter for parameter in module.parameters(recurse=False) if parameter.requires_grad)
        if own:
            found.append((name or class_label(module), own))
    return tuple(found)


def units_of(model: nn.Module) -> Units:
    """The layers that are followed by an activation module, by name; the last layer makes outputs and is left out."""
    found: dict[str, nn.Module] = {}
    last = ""
    for name, module in model.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(weight, nn.Parameter) and weight.dim() > 1 and not isinstance(module, nn.Embedding):
            last = name or class_label(module)
        elif last and last not in found and _is_activation(module):
            found[last] = module
    found.pop(last, None)
    return tuple(found.items())


def _is_activation(module: nn.Module) -> bool:
    """Whether it does something to each number on its own; a head that makes numbers compete does not."""
    home = type(module).__module__
    if home == "torch.nn.modules.activation":
        return not isinstance(module, (nn.MultiheadAttention, nn.Softmax, nn.LogSoftmax, nn.Softmin, nn.Softmax2d))
    return home == "tui_trainer.nn.activations" or isinstance(module, nn.Identity)


@contextmanager
def watching(units: Units) -> Generator[dict[str, Tensor]]:
    """Note, of the first batch that goes through the model meanwhile, what came out of each layer of hidden units.

    Yields (deviation of all activations, share of the units that no sample moved) by layer, still on the device. Only a
    ReLU can be silent for good: the share of others is NaN. The unit of a convolution is a channel.
    """
    seen: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for name, module in units:

            def note(module: nn.Module, _: object, output: Tensor, name: str = name) -> None:
                if name not in seen:
                    seen[name] = _activity(module, output[:ROWS].detach())

            hooks.callback(module.register_forward_hook(note).remove)
        yield seen


def _activity(module: nn.Module, output: Tensor) -> Tensor:
    if isinstance(module, (nn.ReLU, nn.ReLU6)):
        unit = 1 if output.dim() == 4 else output.dim() - 1
        silent = (output.amax([axis for axis in range(output.dim()) if axis != unit]) <= 0).float().mean()
    else:
        silent = output.new_full((), math.nan)
    return torch.stack([output.std(correction=0), silent])


def activity(seen: dict[str, Tensor]) -> dict[str, Layer]:
    """What `watching` noted, as an event carries it: one transfer."""
    if not seen:
        return {}
    rows: list[list[float]] = torch.stack(list(seen.values())).tolist()
    return {
        name: Layer(activation_std=finite(row[0]), dead=finite(row[1])) for name, row in zip(seen, rows, strict=True)
    }


def norm_of(gradients: list[Tensor]) -> Tensor:
    """The global 2-norm of the gradients, on their device; sparse ones count by their values."""
    return torch.nn.utils.get_total_norm([_dense(gradient) for gradient in gradients])


def gradients_of(parameters: tuple[nn.Parameter, ...] | list[nn.Parameter]) -> list[Tensor]:
    """The gradients that there are."""
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def weights_before(layers: Layers) -> list[Tensor]:
    """Copies of every layer's weights, for `measure` after the step."""
    return [parameter.detach().clone() for _, own in layers for parameter in own]


def measure(layers: Layers, before: list[Tensor]) -> Tensor:
    """Norms of gradients, of weights `before`, and of what the step added to them: `[3, parameters]`, on the device."""
    own = [parameter for _, own in layers for parameter in own]
    with torch.no_grad():
        moved = _KERNELS._foreach_sub(own, before)
        gradients = [
            was.new_zeros(()) if parameter.grad is None else _dense(parameter.grad)
            for parameter, was in zip(own, before, strict=True)
        ]
        return torch.stack(_KERNELS._foreach_norm([*gradients, *before, *moved])).view(3, -1)


def measured(layers: Layers, norms: list[list[float]]) -> dict[str, Layer]:
    """What `measure` found, as an event carries it: gradient norm, weight norm and |update| / |weights| by layer."""
    found: dict[str, Layer] = {}
    place = 0
    for name, own in layers:
        gradient, weights, moved = (math.hypot(*column[place : place + len(own)]) for column in norms)
        place += len(own)
        ratio = moved / max(weights, 1e-12)
        found[name] = Layer(grad_norm=finite(gradient), weight_norm=finite(weights), update_ratio=finite(ratio))
    return found


def _dense(tensor: Tensor) -> Tensor:
    return tensor.coalesce().values() if tensor.is_sparse else tensor


def finite(value: float) -> float | None:
    """The value, None where it is not finite."""
    return value if math.isfinite(value) else None
