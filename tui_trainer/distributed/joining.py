"""Join the processes that train together: the group that reduces gradients, and the channel of the beat."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from time import monotonic
from typing import Any

import torch
import torch.distributed as dist

from tui_trainer.distributed.environment import Member, local_rank, open_store, rank, world_size
from tui_trainer.engine.ranks.channel import PATIENCE, GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks, Place
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec

JOIN = "TUI_TRAINER_JOIN_SECONDS"
JOIN_SECONDS = 300.0
"""Seconds in which all processes have to come."""
_VARIABLES = "RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set: a launcher has started this process"
_NAMED = 8
"""Most ranks that a message lists."""


class JoinError(UserError):
    """The processes have not found each other."""


def connect(device: str = "auto") -> GlooChannel:
    """Join the other processes. Returns the channel of all of them; each calls this once.

    Args:
        device: `training.device` of the run: gradients of an accelerator are reduced by NCCL.
    """
    cuda = torch.cuda.is_available() and not device.startswith(("cpu", "mps"))
    backend = "cpu:gloo,cuda:nccl" if cuda else "gloo"
    store = open_store() or _meeting_place()
    _await_all(store)
    dist.init_process_group(backend, store=store, rank=rank(), world_size=world_size(), timeout=PATIENCE)
    return GlooChannel()


def join_seconds() -> float:
    """Return the seconds in which all processes have to come: `TUI_TRAINER_JOIN_SECONDS`, or five minutes."""
    try:
        return max(float(os.environ.get(JOIN, "")), 1.0)
    except ValueError:
        return JOIN_SECONDS


def _meeting_place() -> Any:
    """Return the store at `MASTER_ADDR` and `MASTER_PORT`, in which the processes of a launcher find each other."""
    address = f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}"
    here: Any = dist
    try:
        patience = timedelta(seconds=join_seconds())
        if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":  # torchrun has the store, and all are started
            return next(here.rendezvous("env://", rank(), world_size(), timeout=patience))[0]
        host, port, leads = os.environ["MASTER_ADDR"], int(os.environ.get("MASTER_PORT", "")), rank() == 0
        return here.TCPStore(host, port, world_size(), leads, patience, wait_for_workers=False)
    except dist.DistNetworkError as error:
        if "EADDRINUSE" in str(error) or "in use" in str(error):
            raise JoinError(f"MASTER_PORT: {address} is in use by another program: choose another port") from None
        raise JoinError(f"rank {rank()} of {world_size()}: nothing answers at {address} ({_VARIABLES})") from None
    except (dist.DistError, ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise JoinError(f"rank {rank()} of {world_size()}: {address}: {reason} ({_VARIABLES})") from None


def _await_all(store: Any) -> None:
    """Wait until all processes are there, for a bounded time: a collective would wait for good.

    Raises:
        JoinError: some have not come.
    """
    keys = [f"tui-trainer/here/{number}" for number in range(world_size())]
    store.set(keys[rank()], "1")
    deadline = monotonic() + join_seconds()
    for key in keys:
        try:
            store.wait([key], timedelta(seconds=max(deadline - monotonic(), 0.01)))
        except (dist.DistError, RuntimeError):
            absent = [str(number) for number, each in enumerate(keys) if not _is_set(store, each)]
            if not absent:
                continue
            more = ", ..." if len(absent) > _NAMED else ""
            raise JoinError(
                f"rank {rank()} waited {join_seconds():.0f} s for {len(absent)} of {world_size()} ranks that did not "
                f"come: {', '.join(absent[:_NAMED])}{more}; start them, or set {JOIN} ({_VARIABLES})"
            ) from None


def _is_set(store: Any, key: str) -> bool:
    return bool(store.check([key]))


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
