"""The ends of ranks: the notes that they leave in the run folder, and which of them are gone, and why.

`ranks/end-N.json` is written by a rank that cannot go on: by its own fault, or because a call to the others failed. A
rank that was killed leaves none. `ended.json` lies beside the journal of a run whose rank 0 is gone: nothing else says
there why the run ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

import psutil

from tui_trainer.distributed.environment import Member
from tui_trainer.distributed.files import ended_note, rank_log, ranks_dir
from tui_trainer.host.log_capture import tail_of
from tui_trainer.platform_support import memory_kills
from tui_trainer.runs.atomic_write import replace_file

SETTLE = 2.0
"""Seconds in which the ranks that are left say so."""
_CRASHED = "Fatal Python error: "


@dataclass(frozen=True, slots=True)
class End:
    """Why a rank could not go on.

    Attributes:
        rank: the rank.
        step: steps that it had taken.
        error: its error in one line.
        left: whether it was a call to the others that failed.
    """

    rank: int
    step: int
    error: str
    left: bool


def is_lost_call(error: BaseException) -> bool:
    """Return whether an error is that of a call to other ranks."""
    import torch.distributed as dist

    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    signs = ("gloo", "connection closed by peer", "connection reset", "broken pipe", "socket closed", "nccl")
    return isinstance(error, RuntimeError) and any(sign in text for sign in signs)


def leave_end(folder: Path, rank: int, step: int, error: BaseException) -> None:
    """Leave a note of why this rank cannot go on."""
    from tui_trainer.engine.events.error_text import describe_error

    note = {"rank": rank, "step": step, "error": describe_error(error), "left": is_lost_call(error)}
    with contextlib.suppress(OSError):
        ranks_dir(folder).mkdir(exist_ok=True)
        replace_file(_end_file(folder, rank), json.dumps(note).encode())


def read_end(folder: Path, rank: int) -> End | None:
    """Return the note of a rank, None where it has left none."""
    try:
        note = json.loads(_end_file(folder, rank).read_bytes())
        return End(int(note["rank"]), int(note["step"]), str(note["error"])[:500], bool(note["left"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def forget_ends(folder: Path) -> None:
    """Remove the notes of an earlier start of the run."""
    with contextlib.suppress(OSError):
        ended_note(folder).unlink(missing_ok=True)
        for path in ranks_dir(folder).glob("end-*.json"):
            path.unlink()


def _end_file(folder: Path, rank: int) -> Path:
    return ranks_dir(folder) / f"end-{rank}.json"


def signal_of(member: Member) -> str | None:
    """Return by what a process of this machine was ended, empty where the system does not say; None while it lives."""
    try:
        if psutil.Process(member.pid).status() != psutil.STATUS_ZOMBIE:
            return None
        with open(f"/proc/{member.pid}/stat") as file:
            status = int(file.read().split()[-1])
    except (psutil.Error, OSError, ValueError, IndexError):
        return ""
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.WEXITSTATUS(status)}" if status else ""


def gone(members: Sequence[Member], here: str) -> dict[int, str]:
    """Return the ranks of this machine that are gone, each with what ended it; empty where that is not known."""
    found = {rank: signal_of(member) for rank, member in enumerate(members) if member.host == here}
    return {rank: by for rank, by in found.items() if by is not None}


class LostRanks:
    """Finds out which ranks are gone, and why.

    Args:
        folder: the run directory.
        members: all ranks.
        rank: this one.
    """

    def __init__(self, folder: Path, members: Sequence[Member], rank: int = 0) -> None:
        self._folder = folder
        self._members = members
        self._rank = rank
        self._kills = memory_kills()

    def found(self) -> dict[int, str]:
        """Return the ranks that are gone by their own fault, or were killed, each with the reason in words."""
        here = self._members[self._rank].host
        reasons: dict[int, str] = {}
        for rank, by in gone(self._members, here).items():
            end = read_end(self._folder, rank)
            if end is None:
                reasons[rank] = self._killed(rank, by)
        for rank in range(len(self._members)):
            end = read_end(self._folder, rank) if rank != self._rank else None
            if end is not None and not end.left:
                reasons[rank] = f"failed: {end.error}"
        return reasons

    def wait(self) -> dict[int, str]:
        """Return what `found` does, after waiting until something is found; then the ranks that say nothing."""
        deadline = monotonic() + SETTLE
        while monotonic() < deadline:
            if found := self.found():
                return found
            sleep(0.02)
        others = [rank for rank in range(len(self._members)) if rank != self._rank]
        silent = [rank for rank in others if read_end(self._folder, rank) is None]
        return dict.fromkeys(silent or others[:1], "does not answer any more")

    def _killed(self, rank: int, by: str) -> str:
        printed = tail_of(rank_log(self._folder, rank), 100) if rank else []
        crash = next((line.partition(_CRASHED)[2] for line in printed if _CRASHED in line), "")
        if crash:
            return f"crashed in native code: {crash}"
        if memory_kills() > self._kills:
            return "was killed: the machine ran out of memory"
        if by.startswith("exit"):
            return f"ended with {by}"
        return f"was killed by {by}" if by else "is gone without a word: it was killed (SIGKILL), or could not start"


def describe_loss(lost: dict[int, str], step: int, folder: Path, last: tuple[int, int] | None) -> str:
    """Return in words which ranks are gone, at which step, by what, and what that costs.

    Args:
        lost: the ranks with the reasons.
        step: the step at which the run stood.
        folder: the run directory.
        last: step and epoch of the checkpoint on disk; None where there is none.
    """
    who = "; ".join(f"rank {rank} {reason}" for rank, reason in sorted(lost.items())[:4])
    more = f"; {len(lost) - 4} more ranks" if len(lost) > 4 else ""
    if last is None:
        kept = f"no checkpoint is on disk: all {step:,} steps are lost"
    else:
        steps = max(step - last[0], 0)
        kept = f"on disk: last of step {last[0]:,}, {steps:,} step{'' if steps == 1 else 's'} lost"
    return f"{who}{more}; at step {step:,}; {kept}; go on with `tui-trainer resume {folder.name}`"


def leave_note(folder: Path, reason: str, step: int) -> None:
    """Leave beside the journal why a run ended whose rank 0 is gone; a note that is there stays."""
    if ended_note(folder).exists() or not folder.is_dir():
        return
    from tui_trainer.engine.checkpointing.checkpointer import find_last

    tree, _ = find_last(folder / "checkpoints")
    last = (int(tree["step"]), int(tree["epoch"])) if tree is not None else None
    step = max(step, last[0] if last is not None else 0)
    note = {"rank": 0, "step": step, "reason": describe_loss({0: reason}, step, folder, last)}
    with contextlib.suppress(OSError):
        replace_file(ended_note(folder), json.dumps(note).encode())
