"""A spare host: `python -m tui_trainer.host.host --spare`. It imports what a training needs and waits for its spec.

screen                                      spare host
    starts it, keeps both pipes                 imports torch in a thread of low priority
                                                "ready VERSION PROTOCOL" on standard output
    writes the spec, closes the pipe            goes on like any other host
    ends, or is killed: the pipe closes         ends

It has the environment, the directory and the descriptors that a host started now would have. What its imports print is
kept for the log of the run.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import tempfile
import threading
from typing import IO

from tui_trainer import __version__
from tui_trainer.protocol.wire_format import PROTOCOL

OPTION = "--spare"
"""Argument of the host process that makes it wait."""
NICE = 19
"""Priority of the thread that imports, where threads have one of their own: the lowest."""
MAX_PRINTED = 1 << 16
"""Bytes of what the imports print that are kept."""


def ready_line() -> bytes:
    """Return the line by which a spare host says that it can take a spec of this version."""
    return f"ready {__version__} {PROTOCOL}\n".encode()


def wait_for_spec() -> tuple[bytes, bytes]:
    """Import everything, say so, and wait for a spec on standard input. Ends the process if none will come.

    Returns:
        The spec, and what the imports printed.
    """
    sys.argv.remove(OPTION)
    out = os.dup(1)
    printed = tempfile.TemporaryFile()  # noqa: SIM115 - kept until the spec comes
    for number in (1, 2):
        os.dup2(printed.fileno(), number)
    _import_libraries_with_threads()
    ready = threading.Event()
    threading.Thread(target=_warm_up, args=(out, ready), name="warm-up", daemon=True).start()
    spec = b""
    while data := os.read(0, 1 << 16):
        spec += data
    if not spec:
        os._exit(0)  # the screen is gone; the thread may be inside an import
    ready.wait()
    return spec, _take(printed)


def _import_libraries_with_threads() -> None:
    """Import the libraries that start threads when they are imported: a thread keeps the priority of its creator."""
    with contextlib.suppress(ImportError):
        for name in ("numpy", "scipy.linalg"):
            importlib.import_module(name)


def _warm_up(out: int, ready: threading.Event) -> None:
    if sys.platform == "linux":  # elsewhere the priority is that of the process, and could not be raised again
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    try:
        _import()
    except Exception:  # noqa: BLE001 - a host started now says what is wrong
        os._exit(1)
    if not _same_priority():
        os._exit(1)
    # The garbage collector need not look at these objects again, neither while idle nor at the start of a training.
    gc.collect()
    gc.freeze()
    os.write(out, ready_line())
    os.close(out)
    ready.set()


def _import() -> None:
    from tui_trainer.engine.warm_up import warm_up
    from tui_trainer.host import worker

    assert worker
    warm_up()


def _same_priority() -> bool:
    """Return whether every thread but this one has the priority of the process."""
    if sys.platform != "linux":
        return True
    own, usual = threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, os.getpid())
    threads = [int(name) for name in os.listdir("/proc/self/task")]
    return all(os.getpriority(os.PRIO_PROCESS, number) == usual for number in threads if number != own)


def _take(printed: IO[bytes]) -> bytes:
    """Return what the imports printed, and print to nowhere from now on."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(null, number)
    os.close(null)
    with printed:
        printed.seek(0)
        return printed.read(MAX_PRINTED)
