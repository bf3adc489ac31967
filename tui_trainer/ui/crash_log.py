"""Where the traceback of something unforeseen goes: into a file that the one line on the screen names."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import traceback
from pathlib import Path

import platformdirs

LARGEST = 1 << 20
"""Bytes after which the file is begun anew."""


def log_paths() -> list[Path]:
    """Return the files for tracebacks of the screen, the preferred one first; a user may have no home."""
    paths = [Path(tempfile.gettempdir()) / f"tui-trainer-screen-{os.getuid()}.log"]
    with contextlib.suppress(RuntimeError, KeyError):
        paths.insert(0, platformdirs.user_log_path("tui-trainer") / "screen.log")
    return paths


def record(error: BaseException) -> str:
    """Append the traceback to the log; the path of it, or where it could not be written, why."""
    text = "".join(traceback.format_exception(error))
    entry = f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} pid {os.getpid()}\n{text}\n"
    for path in log_paths():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.exists() and path.stat().st_size > LARGEST
            # Nobody else's link is followed in a directory that others can write in.
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if fresh else os.O_APPEND)
            descriptor = os.open(path, flags, 0o600)
            with os.fdopen(descriptor, "w" if fresh else "a", encoding="utf-8", errors="replace") as file:
                file.write(entry)
        except OSError:
            continue
        return str(path)
    return "nowhere: no log could be written"


def in_words(error: BaseException) -> str:
    """The error in one line."""
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__
