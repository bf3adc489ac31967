"""The name that a process gives itself in its commands. Imports nothing, so that `send` starts quickly."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform


def own_name(suffix: str = "") -> str:
    """Return user@host with the terminal in parentheses, or with a word in its place: `ann@box (pts/3)`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    if not suffix:
        with contextlib.suppress(OSError):
            suffix = os.path.relpath(os.ttyname(0), "/dev")
    return f"{user}@{platform.node()}" + (f" ({suffix})" if suffix else "")
