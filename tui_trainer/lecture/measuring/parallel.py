"""Measure rows in several processes at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for_end
from multiprocessing.queues import SimpleQueue

from tui_trainer.errors import UserError
from tui_trainer.lecture.measuring.portions import Portion, PortionResult, Tell, measured

TELL_EVERY = 0.2
"""Seconds between two looks for lines of the processes."""

_lines: SimpleQueue[str] | None = None
"""The queue for the lines of a process about its progress."""


def usable_processes() -> int:
    """Return how many processes measure at a time: two, or one where there is one core."""
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def measured_in_processes(work: Sequence[Portion], processes: int, tell: Tell) -> list[PortionResult]:
    """Return the numbers of each portion, in order. An error or ctrl+c ends the processes at once.

    They are new processes, not forked ones: torch may have started threads in this one.

    Raises:
        UserError: a portion cannot be measured, or a process ended without a result.
    """
    context = multiprocessing.get_context("spawn")
    lines: SimpleQueue[str] = context.SimpleQueue()
    before = {child.pid for child in multiprocessing.active_children()}
    with ProcessPoolExecutor(processes, context, _begin, (lines,)) as pool:
        futures = [pool.submit(_measured, portion) for portion in work]
        left = set(futures)
        try:
            while left:
                ended, left = wait(left, TELL_EVERY, FIRST_EXCEPTION)
                while not lines.empty():
                    tell(lines.get())
                for future in ended:
                    future.result()
            return [future.result() for future in futures]
        except BrokenProcessPool:
            raise UserError(
                "a process that measured rows was ended from outside, or ran out of memory: check fewer rows at a time"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if left:
                for child in multiprocessing.active_children():
                    if child.pid not in before:
                        child.terminate()


def _begin(lines: SimpleQueue[str]) -> None:
    """Prepare a process: ctrl+c in the terminal is for its parent, and it ends when that one is gone."""
    global _lines
    _lines = lines
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_end([parent.sentinel])
        os._exit(1)


def _measured(portion: Portion) -> PortionResult:
    assert _lines is not None, "a process is prepared before its first portion"
    return measured(portion, _lines.put)
