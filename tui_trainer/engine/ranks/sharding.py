"""Parameters, gradients and optimizer state that are shared out over the ranks: torch's `fully_shard` (FSDP2).

Each parameter of the model becomes a `DTensor`, of which a rank holds its part. The state of a run stays the tree that
it is for one process, with such tensors in it: an undo copies the parts, a file holds whole tensors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tui_trainer.engine.train_state import StateTree
from tui_trainer.errors import UserError


def is_sharded(model: nn.Module) -> bool:
    """Return whether the parameters of a model are shared out over the ranks."""
    return hasattr(model, "set_requires_gradient_sync")


class ShardedModel:
    """A sharded model as a training step calls it.

    Args:
        model: the model, whose forward pass gathers its parameters and whose backward pass shares out the gradients.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model: Any = model

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the outputs; every rank makes the same calls."""
        return self._model(inputs)

    @contextmanager
    def no_sync(self) -> Generator[None]:
        """Add up the gradients of this rank, without a word to the others."""
        self._model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self._model.set_requires_gradient_sync(True)


def shard(model: nn.Module, device: torch.device) -> None:
    """Share out the parameters of a model over all ranks, block by block.

    Raises:
        UserError: this torch cannot do so with the backend of the device.
    """
    mesh: Any = None
    try:
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(device.type, (dist.get_world_size(),))
        _try(fully_shard, mesh, device)
        # The whole is sharded again after a forward pass, too: a validation must not leave weights of before a step.
        for module in [*_blocks(model), model]:
            fully_shard(module, mesh=mesh, reshard_after_forward=True)
    except (ImportError, AttributeError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, dist.DistError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"training.sharding = fully-shard: torch {torch.__version__} cannot shard on {device.type}: {reason}; "
            "leave training.sharding out"
        ) from None


def _try(fully_shard: Any, mesh: Any, device: torch.device) -> None:
    """Take a pass of the smallest model: a backend may lack a collective that sharding needs."""
    model = fully_shard(nn.Linear(2, 2 * dist.get_world_size(), device=device), mesh=mesh)
    model(torch.ones(1, 2, device=device)).sum().backward()


def _blocks(model: nn.Module) -> list[nn.Module]:
    """Return the parts whose parameters are gathered one after the other; the rest is gathered with the whole.

    They are the layers of a sequence, or blocks of which there are several, such as those of a transformer. A model
    that has a parameter under two names stays one part.
    """
    names = [id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False)]
    if len(names) != len(set(names)):
        return []
    if isinstance(model, nn.Sequential):
        return [layer for layer in model if any(True for _ in layer.parameters())]
    kinds = Counter(type(module) for module in model.modules() if any(True for _ in module.children()))
    found: list[nn.Module] = []

    def search(module: nn.Module) -> None:
        for child in module.children():
            repeated = kinds[type(child)] > 1 and not isinstance(child, (nn.Sequential, nn.ModuleList, nn.ModuleDict))
            if repeated and any(True for _ in child.parameters()):
                found.append(child)
            else:
                search(child)

    search(model)
    return found


def like(saved: Tensor, live: Any) -> Tensor:
    """Return a whole tensor in the form of a live one: of a sharded one the part of this rank."""
    mesh = getattr(live, "device_mesh", None)
    if mesh is None or hasattr(saved, "device_mesh") or saved.shape != live.shape:
        return saved
    from torch.distributed.tensor import distribute_tensor

    whole = saved.to(live.device, live.dtype)
    return distribute_tensor(whole, mesh, live.placements, src_data_rank=None)


def as_parts(model: nn.Module, stepped: Sequence[nn.Parameter], tree: StateTree) -> StateTree:
    """Return a state of model and optimizer, as a file holds it, with the parts of this rank.

    Args:
        model: the model, which is sharded.
        stepped: its parameters in the order of the optimizer in the state.
        tree: the state.
    """
    live = dict(model.named_parameters())
    changed = {**tree, "model": {name: like(value, live.get(name)) for name, value in tree["model"].items()}}
    optimizer = tree["optimizer"]
    owners = dict(enumerate(stepped))
    changed["optimizer"] = {
        **optimizer,
        "state": {
            number: {
                name: like(value, owners.get(number)) if isinstance(value, Tensor) else value
                for name, value in entries.items()
            }
            for number, entries in optimizer["state"].items()
        },
    }
    return changed
