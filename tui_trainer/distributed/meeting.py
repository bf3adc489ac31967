"""The store in which the processes find each other: all of this start, or a line about those that did not come.

A launcher that restarts its processes may keep its store, with the keys of processes that are gone. Rank 0 therefore
answers a word that each of the others has just made up with one of its own, and all that follows is under that word.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import torch.distributed as dist

from tui_trainer.distributed.environment import open_store, rank, world_size
from tui_trainer.errors import UserError

JOIN = "TUI_TRAINER_JOIN_SECONDS"
JOIN_SECONDS = 300.0
"""Seconds in which all processes have to come."""
POLL = 0.05
"""Seconds between two looks at the store."""
_VARIABLES = "RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT are set: a launcher has started this process"
_NAMED = 8
"""Most ranks that a message lists."""


class JoinError(UserError):
    """The processes have not found each other."""


def join_seconds() -> float:
    """Return the seconds in which all processes have to come: `TUI_TRAINER_JOIN_SECONDS`, or five minutes."""
    try:
        return max(float(os.environ.get(JOIN, "")), 1.0)
    except ValueError:
        return JOIN_SECONDS


def meet() -> Any:
    """Return a store that all processes of this start have come to. Raises `JoinError`."""
    store, number, size, seconds = open_store() or _store_of_launcher(), rank(), world_size(), join_seconds()
    word = lead(store, size, seconds) if number == 0 else follow(store, number, seconds)
    here: Any = dist
    return here.PrefixStore(word, store)


def _store_of_launcher() -> Any:
    """Return the store at `MASTER_ADDR` and `MASTER_PORT`."""
    address = f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}"
    here: Any = dist
    try:
        patience = timedelta(seconds=join_seconds())
        if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":  # it is that of torchrun
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


def lead(store: Any, size: int, seconds: float) -> str:
    """Answer every other rank. Returns the word of this start. Raises `JoinError`, on all that have come."""
    word = uuid4().hex
    absent = set(range(1, size))

    def have_come() -> bool:
        for number in sorted(absent):
            hello = _read(store, f"hello/{number}")
            if hello:
                store.set(f"answer/{number}", f"{hello} {word}")
            if _read(store, f"here/{number}") == word:
                absent.discard(number)
        return not absent

    problem = ""
    if not _until(have_come, seconds):
        names = ", ".join(map(str, sorted(absent)[:_NAMED])) + (", ..." if len(absent) > _NAMED else "")
        problem = (
            f"rank 0 waited {seconds:.0f} s for {len(absent)} of {size} ranks that did not come: {names}; start them, "
            f"or set {JOIN} ({_VARIABLES})"
        )
    store.set(f"all/{word}", f"! {problem}")
    if problem:
        raise JoinError(problem)
    return word


def follow(store: Any, number: int, seconds: float) -> str:
    """Say to rank 0 that this rank is there. Returns the word of this start. Raises `JoinError`."""
    mine = uuid4().hex
    store.set(f"hello/{number}", mine)
    word = ""

    def answered() -> bool:
        nonlocal word
        told, _, word = _read(store, f"answer/{number}").partition(" ")
        return told == mine

    if not _until(answered, seconds):
        raise JoinError(f"rank {number} waited {seconds:.0f} s for rank 0, which did not come ({_VARIABLES})")
    store.set(f"here/{number}", word)
    if not _until(lambda: bool(_read(store, f"all/{word}")), seconds):
        raise JoinError(f"rank {number} waited {seconds:.0f} s for rank 0, which has left")
    if problem := _read(store, f"all/{word}")[2:]:
        raise JoinError(problem)
    return word


def _read(store: Any, key: str) -> str:
    return store.get(key).decode() if store.check([key]) else ""


def _until(holds: Callable[[], bool], seconds: float) -> bool:
    """Wait until something holds. Returns False where it does not in time, or the store is gone."""
    deadline = monotonic() + seconds
    try:
        while not holds():
            if monotonic() > deadline:
                return False
            sleep(POLL)
    except (dist.DistError, RuntimeError):
        return False
    return True
