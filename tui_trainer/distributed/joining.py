"""Join the processes that train together: the group that reduces gradients, and the channel of the beat."""

from __future__ import annotations

import os
import socket
from typing import Any

import torch
import torch.distributed as dist

from tui_trainer.distributed.environment import Member, local_rank, local_world_size, rank, world_size
from tui_trainer.distributed.meeting import meet
from tui_trainer.engine.ranks.channel import PATIENCE, GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks, Place
from tui_trainer.host.spec import HostSpec


def connect(device: str = "auto") -> GlooChannel:
    """Join the other processes. Returns the channel of all of them; each calls this once.

    Args:
        device: `training.device` of the run.
    """
    dist.init_process_group(backend_for(device), store=meet(), rank=rank(), world_size=world_size(), timeout=PATIENCE)
    return GlooChannel()


def backend_for(device: str) -> str:
    """Return torch's backend: NCCL for gradients on GPUs, where each process of this machine has one of its own.

    NCCL refuses two processes on one GPU; gloo reduces their gradients over the memory of the machine.
    """
    if device.startswith(("cpu", "mps")) or not torch.cuda.is_available():
        return "gloo"
    return "cpu:gloo,cuda:nccl" if local_world_size() <= torch.cuda.device_count() else "gloo"


def members(channel: GlooChannel) -> list[Member]:
    """Return all processes, in the order of their ranks."""
    return [Member(int(pid), str(host)) for pid, host in channel.exchange([os.getpid(), socket.gethostname()])]


def make_ranks(channel: GlooChannel) -> JoinedRanks:
    """Return what the trainer of this process needs of the others."""
    return JoinedRanks(channel, Place(local_rank()))


def share_spec(channel: GlooChannel, spec: HostSpec | None) -> HostSpec:
    """Return the spec of rank 0, which alone has read the command line."""
    told: Any = channel.broadcast(spec.model_dump_json().encode() if spec is not None else b"")
    return HostSpec.model_validate_json(told)
