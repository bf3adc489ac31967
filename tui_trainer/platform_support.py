"""System calls that differ between Linux and macOS, each with a way on both."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import signal
import socket
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ctypes
    from collections.abc import Callable
    from pathlib import Path

UCRED = struct.Struct("3i")
"""`struct ucred` of Linux (unix(7)): process id, user id, group id."""
LOCAL_PEERCRED = 0x001
"""The socket option of macOS that returns the peer's `struct xucred` (`<sys/un.h>`); Python does not name it."""
SOL_LOCAL = 0
"""The level of `LOCAL_PEERCRED`."""
XUCRED = struct.Struct("@IIh2x16I")
"""`struct xucred` of `<sys/ucred.h>`: version, user id, number of groups, groups."""
XUCRED_VERSION = 0
PR_SET_PDEATHSIG = 1
"""`<linux/prctl.h>`: the signal that a process gets when the thread that started it ends."""
C_LINE_BUFFERED = 1
"""`_IOLBF` of `<stdio.h>`: 1 in glibc, in musl and on macOS."""


def wake_pipe() -> tuple[int, int]:
    """Open a pipe of which neither end blocks or is inherited by child processes. Returns (reader, writer)."""
    if hasattr(os, "pipe2"):
        return os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    reader, writer = os.pipe()  # not inheritable since Python 3.4 (PEP 446)
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    return reader, writer


def peer_user(connection: socket.socket) -> int | None:
    """Return the user id of the process at the other end of a Unix socket, None where the system cannot tell.

    Linux answers `SO_PEERCRED` with `struct ucred`, macOS `LOCAL_PEERCRED` with `struct xucred`.
    """
    if hasattr(socket, "SO_PEERCRED"):
        return UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))[1]
    try:
        answer = connection.getsockopt(SOL_LOCAL, LOCAL_PEERCRED, XUCRED.size)
        version, user, *_ = XUCRED.unpack(answer)
    except (OSError, struct.error):
        return None
    return user if version == XUCRED_VERSION else None


def memory_kills() -> int:
    """Return how many processes this machine has killed for want of memory since it started, 0 where it does not say.

    Linux counts them in `/proc/vmstat`. macOS offers no such counter.
    """
    try:
        with open("/proc/vmstat") as file:
            counters = dict(line.split() for line in file)
        return int(counters.get("oom_kill", 0))
    except (OSError, ValueError):
        return 0


def sync_file(descriptor: int) -> None:
    """Write a file's data to the disk itself. Raises `OSError`.

    On macOS `fsync` stops at the drive's cache, and `F_FULLFSYNC` goes on to the disk (see fsync(2) there); a file
    system that does not support it is synced with `fsync`.
    """
    if hasattr(fcntl, "F_FULLFSYNC"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def line_buffer_c_output() -> None:
    """Let the C library pass on what native code prints line by line, also where its output is not a terminal."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        import ctypes

        library, stream = _c_stdout()
        library.setvbuf(stream, None, C_LINE_BUFFERED, ctypes.c_size_t(0))


def flush_c_output() -> None:
    """Pass on what native code has printed so far, the beginning of a line included."""
    with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
        library, stream = _c_stdout()
        library.fflush(stream)


def _c_stdout() -> tuple[ctypes.CDLL, ctypes.c_void_p]:
    """Return the C library of this process and its `stdout`, which macOS names `__stdoutp`."""
    import ctypes

    library = ctypes.CDLL(None)
    return library, ctypes.c_void_p.in_dll(library, "__stdoutp" if sys.platform == "darwin" else "stdout")


def processor_name() -> str:
    """Return the model of the processor, such as "AMD EPYC 7763": another one may round differently."""
    with contextlib.suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def hang_up_with_parent() -> Callable[[], None]:
    """Return what a new process calls to be hung up (SIGHUP) when the thread that started it ends, however it ends.

    It is made before the process, because a library cannot safely be loaded between fork and exec. Linux alone has the
    call (prctl(2)); elsewhere the function does nothing.
    """
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        prctl = ctypes.CDLL(None).prctl
        return lambda: prctl(PR_SET_PDEATHSIG, int(signal.SIGHUP), 0, 0, 0)
    return lambda: None


def is_listening(path: Path) -> bool:
    """Return whether a host listens on a socket. A host that is too busy to accept counts as listening."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
        return True
