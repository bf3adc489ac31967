"""Say on standard error why this process ended, where it could not say so itself."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

from tui_trainer.text import visible


@contextlib.contextmanager
def crash_watch(logs: Sequence[Path]) -> Generator[None]:
    """Have a small process wait that writes one line with the last captured words if this one dies meanwhile.

    A training without a screen captures its own output: a native library that ends the process would do so without a
    word on the terminal. Without a second process, training goes on as well.

    Args:
        logs: the files that may hold the captured output; the first that is not empty is quoted.
    """
    pid, writer = _start(logs) if threading.active_count() == 1 else (0, -1)
    try:
        yield
    finally:
        if pid:
            with contextlib.suppress(OSError):
                os.write(writer, b".")
            os.close(writer)
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)


def _start(logs: Sequence[Path]) -> tuple[int, int]:
    """Fork the process that waits. Returns its id, 0 where there is none, and the pipe whose end it waits for."""
    reader, writer = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        return 0, -1
    if pid == 0:
        try:
            _wait(reader, logs)
        finally:
            os._exit(0)
    os.close(reader)
    return pid, writer


def _wait(reader: int, logs: Sequence[Path]) -> None:
    """Wait until the other process writes that all is well, or is gone. Hold nothing open that others wait for."""
    from tui_trainer.session.exit_reason import exit_reason, memory_kills

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)
    kills = memory_kills()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(reader, 3)
    os.closerange(4, max(reader, null, 255) + 1)
    if os.read(3, 1):
        return
    log = next((path for path in logs if path.exists()), None)
    where = f"; its output is in {log}" if log is not None else ""
    os.write(2, f"tui-trainer: {visible(exit_reason(None, kills, logs) + where)}\n".encode(errors="replace"))
