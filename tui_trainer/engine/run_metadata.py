"""about.json: the versions, the machine and the state of the code that a run was made with."""

from __future__ import annotations

import json
import platform
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from tui_trainer import __version__
from tui_trainer.engine.services import TrainingServices
from tui_trainer.platform_support import processor_name
from tui_trainer.runs.atomic_write import read_plain, replace_file
from tui_trainer.runs.comparing.code_version import CodeVersion
from tui_trainer.runs.comparing.mends import MENDS
from tui_trainer.runs.recorded_data import RecordedData
from tui_trainer.runs.run_dir import MAX_ABOUT, PROCESSES

PACKAGES = ("torch", "numpy", "scikit-learn", "safetensors", "pydantic", "textual", "plotext")


def about(services: TrainingServices, command: Sequence[str], code: CodeVersion | None = None) -> dict[str, Any]:
    """Return everything needed to train the run again.

    Args:
        services: the run.
        command: the command line that started it.
        code: the version of the code in the working directory, where it is a git checkout.
    """
    data = data_now(services)
    return {
        "name": services.run_name,
        "preset": services.preset,
        "title": services.title,
        "color": services.color,
        "seed": services.config.training.seed,
        **machine(services.setup.device, command, code),
        **({PROCESSES: services.ranks.size} if services.ranks is not None else {}),
        "data": data.model_dump(mode="json") if data is not None else None,
        "mends": [mend.id for mend in MENDS],
    }


def machine(device: torch.device, command: Sequence[str], code: CodeVersion | None = None) -> dict[str, Any]:
    """Return versions, code, device, directory and command line, for a loop of any kind."""
    return {
        "started": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "command": list(command),
        "directory": _directory(),
        "git_commit": f"{code.commit}{'-dirty' if code.changed_count else ''}" if code and code.commit else "",
        "code": code.model_dump(mode="json") if code is not None else None,
        "versions": {"tui-trainer": __version__, "python": platform.python_version(), **_versions()},
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name(),
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "executable": sys.executable,
    }


def data_now(services: TrainingServices) -> RecordedData | None:
    """Return the fingerprint of the data that were built; None for a function to minimise."""
    fingerprint, dataset = services.setup.data.fingerprint, services.config.data
    if fingerprint is None:
        return None
    path = str(getattr(dataset, "path", ""))
    return RecordedData(
        name=path or dataset.kind,
        own=bool(path),
        count=fingerprint.count,
        unit=fingerprint.unit,
        size=fingerprint.size,
        hash=fingerprint.hash,
    )


def note_resume(path: Path, services: TrainingServices, step: int, code: CodeVersion | None = None) -> None:
    """Add to about.json that the run was resumed at `step`, on which machine and with which versions."""
    try:
        described = json.loads(read_plain(path, MAX_ABOUT))
        described.setdefault("resumed", []).append(
            {key: value for key, value in about(services, (), code).items() if key in _CHANGES} | {"step": step}
        )
        del described["resumed"][:-REMEMBERED]
        described.pop(PROCESSES, None)
        described |= {PROCESSES: services.ranks.size} if services.ranks is not None else {}
        content = _as_json(described)
        while len(content) > MAX_ABOUT // 2 and len(described["resumed"]) > 1:
            del described["resumed"][: len(described["resumed"]) // 2]
            content = _as_json(described)
        replace_file(path, content)
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        services.events.log("about.json could not be updated", step)


def _as_json(described: dict[str, Any]) -> bytes:
    return (json.dumps(described, indent=2, ensure_ascii=False) + "\n").encode()


REMEMBERED = 500
"""Most resumes that about.json lists, within half of the size that is read: a job may be resubmitted for years."""
_CHANGES = (
    "started", "versions", "device", "processor", "threads", "host", "git_commit", "code", "data", "mends", PROCESSES,
)  # fmt: skip
"""Keys whose values may differ when a run is resumed."""


def _versions() -> dict[str, str]:
    versions: dict[str, str] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _directory() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return ""
