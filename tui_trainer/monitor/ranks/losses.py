"""A rank that is gone: which one, at which step, and what that costs."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from time import monotonic, sleep

from tui_trainer.distributed.ends import SETTLE, is_lost_call
from tui_trainer.distributed.files import ended_note
from tui_trainer.monitor.ranks.pulse import Pulses
from tui_trainer.runs.atomic_write import replace_file


def lost_by(error: BaseException, pulses: Pulses) -> str:
    """Return which ranks are gone, where an error is that of a call to them, or the launcher ends this process.

    Empty where the error has another cause.
    """
    ended = isinstance(error, SystemExit)
    if not ended and not is_lost_call(error):
        return ""
    deadline = monotonic() + SETTLE
    while not (lost := pulses.lost()) and monotonic() < deadline and not ended:
        sleep(0.05)
    return lost


def describe_loss(lost: str, step: int, last: tuple[int, int] | None) -> str:
    """Return in words which ranks are gone, at which step, and what that costs.

    Args:
        lost: the ranks with the reasons.
        step: the step of this rank.
        last: step and epoch of the checkpoint on disk; None where there is none.
    """
    if last is None:
        return f"{lost}; at step {step:,}; no checkpoint is on disk: all {step:,} steps are lost"
    steps = max(step - last[0], 0)
    kept = f"on disk: last of step {last[0]:,}, {steps:,} step{'' if steps == 1 else 's'} lost"
    return f"{lost}; at step {step:,}; {kept}; start the script again with Monitor(resume=...)"


def leave_note(folder: Path, error: BaseException, pulses: Pulses, last: tuple[int, int] | None) -> None:
    """Say beside the journal that rank 0 is gone, where it is: nothing else says there why the run ended."""
    lost = lost_by(error, pulses)
    if not lost.startswith("rank 0 ") or ended_note(folder).exists() or not folder.is_dir():
        return
    step = pulses.mine.step
    note = {"rank": 0, "step": step, "reason": describe_loss(lost, step, last)}
    with contextlib.suppress(OSError):
        replace_file(ended_note(folder), json.dumps(note).encode())
