"""Writing that survives: a file is the old one or the new one, never something between."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte. An unbuffered write may take fewer without saying so."""
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]


def read_plain(path: Path, limit: int) -> bytes:
    """All bytes of a file. Raises `OSError` where it is no plain file (a pipe would be waited for) or is too large."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        if found.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes")
        return file.read()


def replace_file(path: Path, data: bytes | memoryview, keep: Path | None = None) -> None:
    """Put `data` under `path` at once: written beside, synced, renamed, the directory synced.

    Args:
        keep: where what stood under `path` before goes on to stand.

    Raises `OSError`; then whatever stood under `path` stands there still and nothing half-written is left.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if keep is not None:
            keep_as(path, keep)
        os.replace(beside, path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    sync_directory(path.parent)


def keep_as(path: Path, keep: Path) -> None:
    """Give what stands under `path` a second name, in place of what had it; nothing where nothing stands there."""
    second = keep.with_name(f".{keep.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        second.unlink()
    with contextlib.suppress(FileNotFoundError):
        os.link(path, second)
        os.replace(second, keep)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable; a file system that cannot is left alone."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove what writers that died left beside their files."""
    for litter in directory.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            litter.unlink()
