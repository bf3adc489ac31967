"""Report how this machine differs from the one that trained a run."""

from __future__ import annotations

import os
import platform
import socket
from importlib import metadata
from pathlib import Path

from tui_trainer import __version__
from tui_trainer.runs.run_dir import read_about


def differences(path: Path, device: str = "") -> list[str]:
    """What about this machine differs from the one that trained the run last, in words: the bits may differ with it.

    Args:
        path: the run folder.
        device: what it is to be trained on now, where that is known.
    """
    about = read_about(path)
    resumed = about.get("resumed")
    if isinstance(resumed, list) and resumed and isinstance(resumed[-1], dict):
        about |= resumed[-1]
    then = about.get("versions")
    then = dict(then) if isinstance(then, dict) else {}
    now = {"tui-trainer": __version__, "python": platform.python_version()}
    counted = ("tui-trainer", "python", "torch", "numpy", "scikit-learn")  # what else the file names is not looked up
    for package in set(counted) & then.keys() - now.keys():
        try:
            now[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            now[package] = "not installed"
    found = [
        f"{name} was {version}, is {now[name]}"
        for name, version in sorted(then.items())
        if name in counted and now[name] != version
    ]
    if about.get("host") not in (None, socket.gethostname()):
        found.append(f"the machine was {about['host']}, is {socket.gethostname()}")
    if device and about.get("device") not in (None, device):
        found.append(f"the device was {about['device']}, is {device}")
    threads = about.get("threads")
    if isinstance(threads, int) and threads > (os.cpu_count() or 1):
        found.append(f"{threads} threads were used, this machine has {os.cpu_count()} cores")
    return found
