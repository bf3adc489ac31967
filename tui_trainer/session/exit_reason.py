"""Explain why a host process ended, as far as the system knows."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

from tui_trainer.host.log_capture import SEPARATORS, tail_of
from tui_trainer.platform_support import memory_kills

__all__ = ["exit_reason", "memory_kills"]

_NATIVE = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
_CRASHED = "Fatal Python error: "
"""Written by the interpreter's fault handler when it dies in native code."""


def exit_reason(code: int | None, memory_kills_before: int, logs: Iterable[Path]) -> str:
    """Return why a host ended, in one line.

    Args:
        code: exit code of the process, negative for a signal; None where it was not a child of this process.
        memory_kills_before: `memory_kills()` while the host was alive.
        logs: files that it may have printed to; the first one that is not empty is read.
    """
    printed = next((lines for path in logs if (lines := tail_of(path, 60))), [])
    printed = printed[max((at for at, line in enumerate(printed, 1) if line.startswith(SEPARATORS)), default=0) :]
    crash = next((line.removeprefix(_CRASHED) for line in reversed(printed) if line.startswith(_CRASHED)), "")
    killed = signal.Signals(-code) if code is not None and code < 0 else None
    if killed in _NATIVE or (code is None and crash):
        name = f" ({killed.name})" if killed is not None else ""
        return f"the host crashed in native code{name}{': ' + crash if crash else ''}"
    if killed is signal.SIGKILL or code is None:
        if memory_kills() > memory_kills_before:
            return "the host was killed: the machine ran out of memory"
        return "the host was killed (SIGKILL)" if killed is not None else "the host is gone: it was killed or crashed"
    if killed is not None:
        return f"the host was killed by {killed.name}"
    last = f": {printed[-1]}" if printed else ""
    return f"the host ended with exit code {code}{last}"
