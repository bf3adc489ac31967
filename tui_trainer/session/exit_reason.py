"""What became of a host that went away without a word, as far as the system knows."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from pathlib import Path

from tui_trainer.host.log_capture import AGAIN, tail_of

_NATIVE = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT)
_CRASHED = "Fatal Python error: "
"""What the interpreter writes when it dies in native code."""


def memory_kills() -> int:
    """Processes that this machine has killed so far because its memory, or a group's, was full; 0 where unknown."""
    try:
        counters = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
        return int(counters.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0


def exit_reason(code: int | None, memory_kills_before: int, logs: Iterable[Path]) -> str:
    """What happened, in one line for people.

    Args:
        code: of the process, negative for a signal; None where nobody could wait for it.
        memory_kills_before: what `memory_kills` gave while the host lived.
        logs: where it printed; the first that has anything counts.
    """
    printed = next((lines for path in logs if (lines := tail_of(path, 60))), [])
    printed = printed[max((at for at, line in enumerate(printed, 1) if line.startswith(AGAIN)), default=0) :]
    crash = next((line.removeprefix(_CRASHED) for line in reversed(printed) if line.startswith(_CRASHED)), "")
    killed = signal.Signals(-code) if code is not None and code < 0 else None
    if killed in _NATIVE or (code is None and crash):
        name = f" ({killed.name})" if killed is not None else ""
        return f"the host crashed in native code{name}{': ' + crash if crash else ''}"
    if killed is signal.SIGKILL or code is None:
        if memory_kills() > memory_kills_before:
            return "the host was killed: the machine ran out of memory"
        return "the host was killed (SIGKILL)" if killed is not None else "the host is gone: killed, or lost"
    if killed is not None:
        return f"the host was killed by {killed.name}"
    last = f": {printed[-1]}" if printed else ""
    return f"the host ended with exit code {code}{last}"
