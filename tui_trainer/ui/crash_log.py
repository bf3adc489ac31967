"""Log the tracebacks of unexpected errors to a file; the screen shows one line that names it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
import traceback
from pathlib import Path

import platformdirs

MAX_BYTES = 1 << 20
"""Size above which the file is started again, in bytes."""


def log_paths() -> list[Path]:
    """Return the files for tracebacks of the screen, the preferred one first; a user may have no home."""
    paths = [Path(tempfile.gettempdir()) / f"tui-trainer-screen-{os.getuid()}.log"]
    with contextlib.suppress(RuntimeError, KeyError):
        paths.insert(0, platformdirs.user_log_path("tui-trainer") / "screen.log")
    return paths


def record(error: BaseException) -> str:
    """Append a traceback to the log. Returns the path, or a note that no log could be written."""
    text = "".join(traceback.format_exception(error))
    entry = f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} pid {os.getpid()}\n{text}\n"
    for path in log_paths():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            truncate = path.exists() and path.stat().st_size > MAX_BYTES
            # No symlinks are followed: other users can write in the temporary directory.
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if truncate else os.O_APPEND)
            descriptor = os.open(path, flags, 0o600)
            with os.fdopen(descriptor, "w" if truncate else "a", encoding="utf-8", errors="replace") as file:
                file.write(entry)
        except OSError:
            continue
        return str(path)
    return "no log could be written"


def one_line(error: BaseException) -> str:
    """Describe an error in one line."""
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0][:200]}" if first else type(error).__name__
