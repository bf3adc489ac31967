"""The device of a run."""

from __future__ import annotations

import os
from typing import Any

import torch

from tui_trainer.errors import UserError


def available() -> list[str]:
    """Return the devices of this machine by torch's names, the fastest kind first."""
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def choose(requested: str) -> torch.device:
    """Return the device for `training.device`: auto takes CUDA, then MPS, then the CPU.

    Raises:
        UserError: this machine does not have the device.
    """
    devices = available()
    if requested == "auto":
        return torch.device(devices[0])
    name = "cuda:0" if requested == "cuda" else requested
    if name not in devices:
        raise UserError(f"training.device: {requested!r} is not available; this machine has {', '.join(devices)}")
    return torch.device(name)


def use_threads(count: int) -> None:
    """Set how many threads torch uses for one operation on the CPU; 0 leaves its own choice."""
    if count:
        torch.set_num_threads(count)


def repeat_exactly(device: torch.device) -> None:
    """Have CUDA give the same bits at each run, as the CPU does by itself; call it before the first work on the device.

    Operations without such a version still run: torch warns of each.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
        switches: Any = torch.utils.deterministic
        switches.fill_uninitialized_memory = False  # nothing here reads memory before it writes it


def allocated(device: torch.device) -> int:
    """Return the bytes of accelerator memory that this process has allocated, 0 on the CPU."""
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.current_allocated_memory()
    return 0


def synchronize(device: torch.device) -> None:
    """Wait until the device has completed all queued work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
