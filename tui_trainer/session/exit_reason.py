"""Explain why a host process ended, as far as the system knows."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from pathlib import Path

from tui_trainer.host.log_capture import SEPARATORS, tail_of
from tui_trainer.platform_support import memory_kills

__all__ = ["exit_reason", "memory_kills"]

_NATIVE = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
_CRASHED = "Fatal Python error: "
"""Written by the interpreter's fault handler when it dies in native code."""
MAX_WORDS = 200
"""Characters of a printed line that a reason quotes at most."""


def exit_reason(code: int | None, memory_kills_before: int, logs: Iterable[Path]) -> str:
    """Return why a host ended, in one line.

    Args:
        code: exit code of the process, negative for a signal; None where it was not a child of this process.
        memory_kills_before: `memory_kills()` while the host was alive.
        logs: files that it may have printed to; the first one that is not empty is read.
    """
    printed = next((lines for path in logs if (lines := tail_of(path, 400))), [])
    printed = printed[max((at for at, line in enumerate(printed, 1) if line.startswith(SEPARATORS)), default=0) :]
    at = next((at for at in reversed(range(len(printed))) if _CRASHED in printed[at]), None)
    crash = ""
    if at is not None:  # last words without a newline stand before it on the line
        words, _, crash = printed[at].partition(_CRASHED)
        printed = [*printed[:at], words] if words else printed[:at]
    words = _last_words(printed)
    said = f"; it last printed: {words}" if words else ""
    killed = signal.Signals(-code) if code is not None and code < 0 else None
    if killed in _NATIVE or (code is None and crash):
        name = f" ({killed.name})" if killed is not None else ""
        return f"the host crashed in native code{name}{': ' + crash if crash else ''}{said}"
    if killed is signal.SIGKILL or code is None:
        if memory_kills() > memory_kills_before:
            return "the host was killed: the machine ran out of memory"
        if killed is not None:
            return "the host was killed (SIGKILL)"
        return f"the host is gone: it was killed or crashed{said}"
    if killed is not None:
        return f"the host was killed by {killed.name}"
    return f"the host ended with exit code {code}{': ' + words if words else ''}"


def _last_words(printed: Sequence[str]) -> str:
    """Return the last two lines, as a native library prints an error and its cause; of a traceback the last one."""
    traceback = any(line.startswith("Traceback (most recent call last)") for line in printed)
    return " | ".join(line.strip()[:MAX_WORDS] for line in printed[-1 if traceback else -2 :])
