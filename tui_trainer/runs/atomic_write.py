"""Replace files atomically and durably: after a crash a file is the old one or the new one, never a part of one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from tui_trainer.platform_support import sync_file


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write every byte. A single `os.write` may write only some of them."""
    view = memoryview(data)
    while len(view):
        view = view[os.write(descriptor, view) :]


def read_plain(path: str | Path, limit: int) -> bytes:
    """Read a regular file. Raises `OSError` if it is not one (reading a pipe would block) or exceeds `limit` bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if status.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes")
        return file.read()


def replace_file(path: Path, data: bytes | memoryview, keep: Path | None = None) -> None:
    """Replace the contents of `path` by `data`: write a temporary file, sync it, rename it, sync the directory.

    Args:
        keep: second path under which the old file is kept.

    Raises:
        OSError: writing failed. The old file is unchanged and no temporary file is left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        try:
            write_all(descriptor, data)
            sync_file(descriptor)
        finally:
            os.close(descriptor)
        if keep is not None:
            keep_as(path, keep)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def keep_as(path: Path, keep: Path) -> None:
    """Link the file `path` as `keep` too, replacing what `keep` was. Does nothing where `path` does not exist."""
    second = keep.with_name(f".{keep.name}.{os.getpid()}.tmp")
    with contextlib.suppress(FileNotFoundError):
        second.unlink()
    with contextlib.suppress(FileNotFoundError):
        os.link(path, second)
        os.replace(second, keep)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable, on file systems that support it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            sync_file(descriptor)
    finally:
        os.close(descriptor)


def sweep(directory: Path) -> None:
    """Remove the temporary files of writers that died."""
    for leftover in directory.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            leftover.unlink()
