"""Join the processes that train together: the group that reduces gradients, and the channel of the beat."""

from __future__ import annotations

import os
import socket
from typing import Any

import torch
import torch.distributed as dist

from tui_trainer.distributed.environment import Member, local_rank, rank, world_size
from tui_trainer.distributed.meeting import meet
from tui_trainer.engine.ranks.channel import PATIENCE, GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks, Place
from tui_trainer.host.spec import HostSpec


def connect(device: str = "auto") -> GlooChannel:
    """Join the other processes. Returns the channel of all of them; each calls this once.

    Args:
        device: `training.device` of the run: gradients of an accelerator are reduced by NCCL.
    """
    cuda = torch.cuda.is_available() and not device.startswith(("cpu", "mps"))
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    dist.init_process_group(backend, store=meet(), rank=rank(), world_size=world_size(), timeout=PATIENCE)
    return GlooChannel()


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
