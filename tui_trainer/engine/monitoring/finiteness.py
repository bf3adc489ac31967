"""The check before a run is saved: what was finite when it began has to be finite still."""

from __future__ import annotations

from collections.abc import Callable
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
        agree: returns whether all ranks say so, where each holds a part of every tensor.
    """

    def __init__(self, model: nn.Module, agree: Callable[[bool], bool] = bool) -> None:
        self._model = model
        self._agree = agree
        tensors = _tensors_of(model.state_dict())
        self._healthy = {name for name, tensor in tensors.items() if not self._are_finite([tensor])}

    def first_broken(self, optimizer: torch.optim.Optimizer) -> tuple[str, Tensor] | None:
        """Return the name and the tensor of the first that broke, those of the model first; None if all are finite."""
        named = _tensors_of(self._model.state_dict()).items()
        own = {name: tensor for name, tensor in named if name not in self._healthy}
        state = {f"optimizer {name}": tensor for name, tensor in _tensors_of(optimizer.state_dict()).items()}
        tensors = own | state
        if self._are_finite(list(tensors.values())):
            return None
        return next((name, whole(tensor)) for name, tensor in tensors.items() if not self._are_finite([tensor]))

    def _are_finite(self, tensors: list[Tensor]) -> bool:
        return self._agree(all_finite(tensors))


def whole(tensor: Tensor) -> Tensor:
    """Return a sharded tensor as one, any other tensor itself; every rank calls this."""
    gather = getattr(tensor, "full_tensor", None)
    return tensor if gather is None else gather()


def part_of(tensor: Tensor) -> Tensor:
    """Return the part of this rank of a sharded tensor, any other tensor itself."""
    local = getattr(tensor, "to_local", None)
    return tensor if local is None else local()


def all_finite(tensors: list[Tensor]) -> bool:
    """Return whether every number is finite: one transfer for each device and type, and no large copy."""
    groups: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for tensor in tensors:
        values = part_of(tensor.detach())
        if not (values.is_floating_point() or values.is_complex()) or not values.numel():
            continue
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
