"""Report how this machine differs from the one that trained a run."""

from __future__ import annotations

import os
import platform
import socket
from importlib import metadata
from pathlib import Path

from tui_trainer import __version__
from tui_trainer.platform_support import processor_name
from tui_trainer.runs.run_dir import read_about


def differences(path: Path, device: str = "") -> list[str]:
    """Return the differences between this machine and the one that trained the run last, one sentence each.

    With any of them, a resumed or replayed run may differ in its last bits.

    Args:
        path: the run directory.
        device: the device that the run will use now, empty where it is not known.
    """
    about = read_about(path)
    resumed = about.get("resumed")
    if isinstance(resumed, list) and resumed and isinstance(resumed[-1], dict):
        about |= resumed[-1]
    then = about.get("versions")
    then = dict(then) if isinstance(then, dict) else {}
    now = {"tui-trainer": __version__, "python": platform.python_version()}
    packages = ("tui-trainer", "python", "torch", "numpy", "scikit-learn")  # ignore other names in the file
    for package in set(packages) & then.keys() - now.keys():
        try:
            now[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            now[package] = "not installed"
    messages = [
        f"{name} was {version}, is {now[name]}"
        for name, version in sorted(then.items())
        if name in packages and now[name] != version
    ]
    if about.get("host") not in (None, socket.gethostname()):
        messages.append(f"the machine was {about['host']}, is {socket.gethostname()}")
    if about.get("processor") not in (None, processor_name()):
        messages.append(f"the processor was {about['processor']}, is {processor_name()}")
    if device and about.get("device") not in (None, device):
        messages.append(f"the device was {about['device']}, is {device}")
    threads = about.get("threads")
    if isinstance(threads, int) and threads > (os.cpu_count() or 1):
        messages.append(f"the run used {threads} threads, but this machine has {os.cpu_count()} cores")
    return messages
