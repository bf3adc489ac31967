"""The moment a process began, which tells it from a later one with the same number."""

from __future__ import annotations


def process_start(pid: int) -> float | None:
    """Return the seconds since the epoch at which a process began, None where there is no such process any longer.

    A process that has ended and that its parent has not waited for counts as gone.
    """
    import psutil  # a fiftieth of a second that commands without live runs need not spend

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except (psutil.Error, ValueError, OverflowError):
        return None


def is_running(pid: int, began: float) -> bool:
    """Return whether the process that began then still runs."""
    start = process_start(pid)
    return start is not None and abs(start - began) < 1
