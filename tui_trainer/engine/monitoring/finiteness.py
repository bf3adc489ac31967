"""The check before a run is saved: what was finite when it began has to be finite still."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_KERNELS: Any = torch
"""torch's functions of many tensors at once have no public name."""


class FiniteCheck:
    """Finds the first parameter, buffer or optimizer tensor that has become NaN or infinite.

    Tensors of the model that are not finite at the start, such as masks of -inf, are healthy and left out.

    Args:
        model: the model as it is before its first step.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        tensors = _tensors_of(model.state_dict())
        self._healthy = {name for name, tensor in tensors.items() if not all_finite([tensor])}

    def first_broken(self, optimizer: torch.optim.Optimizer) -> tuple[str, Tensor] | None:
        """Return the name and the tensor of the first that broke, those of the model first; None if all are finite."""
        named = _tensors_of(self._model.state_dict()).items()
        own = {name: tensor for name, tensor in named if name not in self._healthy}
        state = {f"optimizer {name}": tensor for name, tensor in _tensors_of(optimizer.state_dict()).items()}
        tensors = own | state
        if all_finite(list(tensors.values())):
            return None
        return next((name, tensor) for name, tensor in tensors.items() if not all_finite([tensor]))


def all_finite(tensors: list[Tensor]) -> bool:
    """Return whether every number is finite: one transfer for each device and type, and no large copy."""
    groups: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for tensor in tensors:
        if not (tensor.is_floating_point() or tensor.is_complex()) or not tensor.numel():
            continue
        values = tensor.detach()
        values = values.coalesce().values() if values.is_sparse else values
        values = values.float() if values.dtype.itemsize == 1 else values
        groups.setdefault((values.device, values.dtype), []).append(values)
    # A largest magnitude cannot overflow, and a NaN in it stays one.
    return all(
        bool(torch.stack(_KERNELS._foreach_norm(group, torch.inf)).isfinite().all()) for group in groups.values()
    )


def _tensors_of(tree: Any, path: str = "") -> dict[str, Tensor]:
    """Return the tensors of nested dicts, lists and tuples by path."""
    if isinstance(tree, Tensor):
        return {path: tree}
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, (list, tuple)):
        items = list(enumerate(tree))
    else:
        return {}
    found: dict[str, Tensor] = {}
    for key, value in items:
        found |= _tensors_of(value, f"{path}.{key}" if path else str(key))
    return found
