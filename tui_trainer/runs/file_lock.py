"""File locks that tell a lock in use from a file system without locks.

A network file system may refuse `flock` (ENOSYS, ENOLCK, EOPNOTSUPP). A lock that fails is not a lock that is held:
there an owner file takes its place. It is created exclusively, names its process, and counts while that process runs;
that of another machine counts while it is refreshed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
from pathlib import Path
from time import time
from typing import Literal

from tui_trainer.runs.process_start import is_running, process_start

UNSUPPORTED = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}
"""Errors of a file system that has no locks."""
STALE_AFTER = 60.0
"""Seconds without a refresh after which the owner file of another machine no longer counts."""
MAX_OWNER = 4096
"""Bytes of the largest owner file that is read."""

Locked = Literal["locked", "busy", "unsupported"]


def try_lock(descriptor: int, *, shared: bool = False) -> Locked:
    """Try to lock an open file without waiting, exclusively or shared."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return "unsupported" if error.errno in UNSUPPORTED else "busy"
    return "locked"


def is_held(descriptor: int, owner_file: Path) -> bool:
    """Return whether a process holds the lock on an open file, or its owner file where locks do not work."""
    result = try_lock(descriptor, shared=True)
    return result == "busy" or (result == "unsupported" and is_owned(owner_file))


def create_owner_file(path: Path) -> bool:
    """Create the owner file of this process. Returns False if another process that still runs has one.

    Raises:
        OSError: it cannot be written.
    """
    pid = os.getpid()
    content = json.dumps({"pid": pid, "started": process_start(pid), "host": socket.gethostname()}).encode()
    for _ in range(3):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            if is_owned(path):
                return is_ours(path)
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            continue
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
        return True
    return False


def is_owned(path: Path) -> bool:
    """Return whether the process that an owner file names still runs."""
    owner = _read_owner(path)
    if owner is None:
        return False
    pid, started, host = owner
    if host != socket.gethostname():
        return _age(path) < STALE_AFTER
    return is_running(pid, started)


def is_ours(path: Path) -> bool:
    """Return whether an owner file names this process."""
    owner = _read_owner(path)
    return owner is not None and owner[0] == os.getpid() and owner[2] == socket.gethostname()


def refresh(path: Path) -> None:
    """Mark an owner file as current, for other machines."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _read_owner(path: Path) -> tuple[int, float, str] | None:
    """The pid, the start time in seconds since 1970, and the machine; None if the file is missing or damaged."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fields = json.loads(os.read(descriptor, MAX_OWNER))
        finally:
            os.close(descriptor)
        return int(fields["pid"]), float(fields["started"]), str(fields["host"])
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return None


def _age(path: Path) -> float:
    try:
        return time() - path.stat().st_mtime
    except OSError:
        return float("inf")
