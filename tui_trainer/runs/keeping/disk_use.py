"""The bytes of a run on disk."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

UNITS = ("B", "kB", "MB", "GB", "TB")


def size_of(path: str | Path) -> int:
    """Return the bytes of all files in a folder. A file with two names counts once, a link not at all."""
    total = 0
    seen: set[int] = set()
    folders = [os.fspath(path)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if status.st_nlink > 1:
                        if status.st_ino in seen:
                            continue
                        seen.add(status.st_ino)
                    total += status.st_size if entry.is_file(follow_symlinks=False) else 0
        except OSError:  # it went away meanwhile, or cannot be read
            continue
    return total


def size_of_files(files: Iterable[Path]) -> int:
    """Return the bytes of files, 0 for one that went away meanwhile."""
    total = 0
    for file in files:
        with contextlib.suppress(OSError):
            total += file.lstat().st_size
    return total


def size_text(size: float) -> str:
    """Return bytes as people read them: 12 B, 3.4 kB, 1.2 GB."""
    units = list(UNITS)
    while size >= 999.5 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.0f} {units[0]}" if size >= 99.5 or units[0] == UNITS[0] else f"{size:.2g} {units[0]}"
