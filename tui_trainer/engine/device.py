"""Which device a run trains on, and what it can do."""

from __future__ import annotations

import torch

from tui_trainer.errors import UserError


def available() -> list[str]:
    """Every device of this machine by torch's name, the fastest kind first."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def choose(wanted: str) -> torch.device:
    """The device of `training.device`: auto takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: the device is not there.
    """
    there = available()
    if wanted == "auto":
        return torch.device(there[0])
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in there:
        raise UserError(f"training.device: {wanted!r} is not there; this machine has {', '.join(there)}")
    return torch.device(name)


def use_threads(count: int) -> None:
    """Have torch use so many threads for one operation on the CPU; 0 leaves its own choice."""
    if count:
        torch.set_num_threads(count)


def allocated(device: torch.device) -> int:
    """Bytes of the accelerator's memory that this process has allocated, 0 on the CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    return 0


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
