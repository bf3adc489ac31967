"""The place of this process among those that torchrun, or our launcher, has started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec

DIRECTORY = "TUI_TRAINER_RANKS"
"""Environment variable: the folder in which our launcher leaves the spec, and takes the exit code."""
SPEC, STORE, CODE = "spec.json", "store", "exit-code"
"""Files in it: the runs, the store by which the processes find each other, the exit code of rank 0."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of the processes.

    Attributes:
        pid: its number on its machine.
        host: the name of the machine.
    """

    pid: int
    host: str


def _number(name: str, environment: Mapping[str, str]) -> int:
    try:
        return int(environment.get(name, ""))
    except ValueError:
        return 0


def world_size(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many processes were started together; 1 where this one was not started by a launcher."""
    return max(_number("WORLD_SIZE", environment), 1) if {"RANK", "MASTER_ADDR"} <= set(environment) else 1


def rank(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of this process."""
    return _number("RANK", environment)


def local_rank(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of this process on its machine."""
    return _number("LOCAL_RANK", environment)


def local_world_size(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many of the processes are on this machine."""
    return max(_number("LOCAL_WORLD_SIZE", environment), 1)


def launched_spec() -> HostSpec | None:
    """Return the spec that our launcher has left; None where another one has started this process."""
    from tui_trainer.host.spec import HostSpec

    directory = os.environ.get(DIRECTORY)
    return HostSpec.model_validate_json(Path(directory, SPEC).read_bytes()) if directory else None


def leave_code(code: int) -> int:
    """Leave the exit code of the run to our launcher. Returns the one of this process.

    A launcher takes every other code than 0 for a process that has failed, and kills the others.
    """
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return code
    Path(directory, CODE).write_text(str(code))
    return 0


def open_store() -> Any:
    """Return the store by which the processes find each other; None for that of torchrun."""
    directory = os.environ.get(DIRECTORY)
    if not directory:
        return None
    import torch.distributed as dist

    file_store: Any = dist.FileStore  # pyright: ignore[reportPrivateImportUsage]
    return file_store(str(Path(directory, STORE)), world_size())
