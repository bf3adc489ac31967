"""The lines that a monitor prints, on stderr: how to attach, and that something in it failed."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path


def say_how_to_attach(path: Path) -> None:
    """Print how to watch and steer the run in this folder."""
    try:
        is_default = path.parent == Path.cwd() / "runs"
    except OSError:
        is_default = False
    option = "" if is_default else f" --runs-dir {shlex.quote(str(path.parent))}"
    say(f"run {path.name}; watch and steer it with: tui-trainer attach {path.name}{option}")


def say(text: str) -> None:
    """Print a line; a closed stderr is no reason to fail."""
    try:
        sys.stderr.write(f"tui-trainer: {text}\n")
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
