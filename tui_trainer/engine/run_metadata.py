"""about.json: with what, where, and from which state of the code a run was made."""

from __future__ import annotations

import json
import platform
import socket
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tui_trainer import __version__
from tui_trainer.runs.atomic_write import read_plain, replace_file
from tui_trainer.runs.run_dir import MAX_ABOUT

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

PACKAGES = ("torch", "numpy", "scikit-learn", "safetensors", "pydantic", "textual", "plotext")


def about(trainer: Trainer, command: Sequence[str]) -> dict[str, Any]:
    """What one would have to know to train the run again. `command` is the command line that asked for it."""
    device = trainer.shop.device
    return {
        "name": trainer.run_name,
        "preset": trainer.preset,
        "title": trainer.title,
        "started": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seed": trainer.config.training.seed,
        "command": list(command),
        "directory": _directory(),
        "git_commit": _git_commit(),
        "versions": {"tui-trainer": __version__, "python": platform.python_version(), **_versions()},
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "executable": sys.executable,
    }


def note_resume(path: Path, trainer: Trainer) -> None:
    """Add to about.json that the run was taken up again, where and with what."""
    try:
        described = json.loads(read_plain(path, MAX_ABOUT))
        described.setdefault("resumed", []).append(
            {key: value for key, value in about(trainer, ()).items() if key in _CHANGES} | {"step": trainer.step}
        )
        del described["resumed"][:-REMEMBERED]
        replace_file(path, (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode())
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        trainer.log("about.json could not be brought up to date")


REMEMBERED = 500
"""How many of the times that a run was taken up about.json names: a job may be submitted again for years."""
_CHANGES = ("started", "versions", "device", "threads", "host", "git_commit")
"""What may differ when a run is taken up again."""


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""


def _git_commit() -> str:
    """The commit of the working directory, `-dirty` where files differ from it; empty outside a repository."""
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-dirty" if commit and _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.SubprocessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.fsmonitor=false", *arguments], capture_output=True, text=True, timeout=2, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""
