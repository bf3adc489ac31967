"""Nested state as JSON and named tensors, and back, so that checkpoints need no pickle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def map_tensors(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return the same nesting of dicts, lists and tuples with `change` applied to each tensor."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, dict):
        return {key: map_tensors(value, change) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(map_tensors(value, change) for value in tree)
    return tree


def copied(tree: Any) -> Any:
    """Return a copy of the tree, its tensors cloned on their devices."""
    with torch.no_grad():
        return map_tensors(tree, lambda tensor: tensor.detach().clone())


def size_of(tree: Any) -> int:
    """Return the bytes of all tensors of a tree."""
    sizes: list[int] = []

    def count(tensor: Tensor) -> Tensor:
        sizes.append(tensor.numel() * tensor.element_size())
        return tensor

    map_tensors(tree, count)
    return sum(sizes)


def flatten(tree: Any) -> tuple[Any, dict[str, Tensor]]:
    """Return the tree as JSON values, and its tensors by path. Tuples and keys that are not strings are preserved."""
    tensors: dict[str, Tensor] = {}

    def encode(value: Any, path: str) -> Any:
        if isinstance(value, Tensor):
            tensors[path] = value.detach().to("cpu", copy=True).contiguous()
            return {"$tensor": path}
        if isinstance(value, dict):
            plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
            if plain:
                return {key: encode(item, f"{path}.{key}" if path else key) for key, item in value.items()}
            return {"$items": [[key, encode(item, f"{path}.{key}")] for key, item in value.items()]}
        if isinstance(value, tuple):
            return {"$tuple": [encode(item, f"{path}.{index}") for index, item in enumerate(value)]}
        if isinstance(value, list):
            return [encode(item, f"{path}.{index}") for index, item in enumerate(value)]
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"{path}: a {type(value).__name__} cannot be saved in a checkpoint")

    return encode(tree, ""), tensors


def unflatten(encoded: Any, tensors: dict[str, Tensor]) -> Any:
    """Return the tree that `flatten` was given. Raises `KeyError` or `TypeError` if the two do not belong together."""
    if isinstance(encoded, dict):
        if "$tensor" in encoded:
            return tensors[encoded["$tensor"]]
        if "$items" in encoded:
            return {key: unflatten(value, tensors) for key, value in encoded["$items"]}
        if "$tuple" in encoded:
            return tuple(unflatten(value, tensors) for value in encoded["$tuple"])
        return {key: unflatten(value, tensors) for key, value in encoded.items()}
    if isinstance(encoded, list):
        return [unflatten(value, tensors) for value in encoded]
    return encoded
