"""torch's own generators, which dropout draws from: taken and put back, so that runs never share a stream."""

from __future__ import annotations

import torch
from torch import Tensor

States = dict[str, Tensor]


def seeded_states(device: torch.device, seed: int) -> States:
    """The states of the CPU's and the device's generator right after seeding, without disturbing them."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices, device_type="cuda"):
        torch.manual_seed(seed)
        return take(device)


def take(device: torch.device) -> States:
    """The states as they are."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def put(states: States, device: torch.device) -> None:
    """Put back what `take` gave."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif "mps" in states and device.type == "mps":
        torch.mps.set_rng_state(states["mps"])
