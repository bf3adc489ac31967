"""Objects that a script keeps with its saves: models, and all that has `state_dict` and `load_state_dict`."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.checkpointing.state_tree import map_tensors


def as_models(given: Any) -> dict[str, nn.Module]:
    """Return the models by name. Raises `TypeError` for something else."""
    if given is None:
        return {}
    named = dict(given) if isinstance(given, Mapping) else {"": given}
    for name, model in named.items():
        if not isinstance(model, nn.Module):
            where = f"model[{name!r}]" if name else "model"
            raise TypeError(f"Monitor: {where} is a {type(model).__name__}; give a torch module, or a dict of them")
    return {str(name): model for name, model in named.items()}


def device_of(models: Mapping[str, nn.Module]) -> torch.device:
    """Return the device of the first parameter; the CPU without one."""
    found = (parameter.device for model in models.values() for parameter in model.parameters())
    return next(found, torch.device("cpu"))


def device_memory() -> int:
    """Return the bytes of tensors on the GPU, 0 where it is not in use."""
    return torch.cuda.memory_allocated() if torch.cuda.is_available() and torch.cuda.is_initialized() else 0


def check_kept(name: str, kept: Any) -> None:
    """Raise `TypeError` for an object that has no state to keep."""
    if not callable(getattr(kept, "state_dict", None)) or not callable(getattr(kept, "load_state_dict", None)):
        if isinstance(kept, torch.Generator):
            return
        raise TypeError(f"keep {name!r}: a {type(kept).__name__} has no state_dict and load_state_dict")


def state_of(kept: Any) -> Any:
    """Return the state of an object that is kept."""
    return kept.get_state() if isinstance(kept, torch.Generator) else kept.state_dict()


def load_state(kept: Any, state: Any) -> None:
    """Give an object the state that it had."""
    if isinstance(kept, torch.Generator):
        kept.set_state(state.cpu())
    else:
        kept.load_state_dict(state)


def on_cpu(tree: Any) -> Any:
    """Return a copy of a tree with its tensors on the CPU."""
    with torch.no_grad():
        return map_tensors(tree, lambda tensor: tensor.detach().to("cpu", copy=True))


def savable(tree: Any, path: str = "") -> Any:
    """Return a tree that a checkpoint can hold: arrays as tagged lists, sets and deques as tagged lists.

    Raises:
        TypeError: something in it has no such form; the message says where.
    """
    if isinstance(tree, (Tensor, bool, int, float, str)) or tree is None:
        return tree
    if isinstance(tree, Mapping):
        return {key: savable(value, f"{path}.{key}" if path else str(key)) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return (
            type(tree)(savable(value, f"{path}.{index}") for index, value in enumerate(tree))
            if type(tree)
            in (
                list,
                tuple,
            )
            else [savable(value, f"{path}.{index}") for index, value in enumerate(tree)]
        )
    if isinstance(tree, (set, frozenset)):
        return {"$set": [savable(value, path) for value in sorted(tree, key=repr)]}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(tree, numpy.ndarray) and tree.dtype != object:
        return {"$array": [str(tree.dtype), list(tree.shape), tree.ravel().tolist()]}
    if numpy is not None and isinstance(tree, numpy.generic):
        return tree.item()
    raise TypeError(f"{path}: a {type(tree).__name__} cannot be saved")


def loaded(tree: Any) -> Any:
    """Return the tree that `savable` was given."""
    if isinstance(tree, dict):
        if set(tree) == {"$set"}:
            return {loaded(value) for value in tree["$set"]}
        if set(tree) == {"$array"}:
            import numpy

            dtype, shape, values = tree["$array"]
            return numpy.array(values, dtype=dtype).reshape(shape)
        return {key: loaded(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(loaded(value) for value in tree)
    return tree


def generator_of(loader: Any) -> torch.Generator | None:
    """Return the generator that a loader draws its order from, where it has one of its own."""
    own = getattr(loader, "generator", None) or getattr(getattr(loader, "sampler", None), "generator", None)
    return own if isinstance(own, torch.Generator) else None


def generators() -> dict[str, Any]:
    """Return the states of the generators that a script may draw from: torch's, Python's and numpy's."""
    states: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states["cuda"] = torch.cuda.get_rng_state_all()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        states["numpy"] = [kind, keys.tolist(), *rest]
    return states


def load_generators(states: Mapping[str, Any]) -> None:
    """Continue the generators from what `generators` returned."""
    torch.set_rng_state(states["torch"].cpu())
    version, internal, gauss = states["python"]
    random.setstate((version, tuple(internal), gauss))
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state_all([state.cpu() for state in states["cuda"]])
    if "numpy" in states:
        import numpy

        kind, keys, *rest = states["numpy"]
        numpy.random.set_state((kind, numpy.array(keys, dtype="uint32"), *rest))
