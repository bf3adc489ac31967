"""States of torch's own generators, from which dropout draws; each run has its own streams."""

from __future__ import annotations

import torch
from torch import Tensor

States = dict[str, Tensor]


def seeded_states(device: torch.device, seed: int) -> States:
    """Return the states of the CPU's and the device's generator right after seeding; the generators keep theirs."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices, device_type="cuda"):
        torch.manual_seed(seed)
        return state_dict(device)


def state_dict(device: torch.device) -> States:
    """Return the present states."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def load_state_dict(states: States, device: torch.device) -> None:
    """Continue the streams from what `state_dict` returned."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
    elif "mps" in states and device.type == "mps":
        torch.mps.set_rng_state(states["mps"])
