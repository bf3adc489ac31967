"""What a host is started with: plain values, passed as one JSON object on its standard input."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from tui_trainer.protocol.commands import AnyCommand


class RunSpec(BaseModel):
    """One run that a host is to train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: str
    """The run folder: made by the host once everything has been built."""
    config: dict[str, Any]
    """The resolved configuration, checked by whoever starts the host."""
    preset: str = ""
    title: str = ""
    resume: bool = False
    """Go on in an existing folder, from its last checkpoint."""
    commands: tuple[AnyCommand, ...] = ()
    """Obeyed before the first batch."""
    script: tuple[tuple[int, AnyCommand], ...] = ()
    """Obeyed at these steps: the interventions of an earlier run."""


class HostSpec(BaseModel):
    """The runs of one host, where it listens, and what it is called in about.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[RunSpec, ...]
    socket: str
    command: tuple[str, ...] = ()
    """The command line that asked for it."""
    trust: bool = False
    """Whether code by import path may run."""
    requeue_signal: str = ""
    """Name of the signal (SIGUSR1) on which the runs are saved and the process ends with `requeue_code`."""
    requeue_code: int = 0
    threads: int = 0
    """Threads of one torch operation, 0 for torch's own choice: a resumed run needs as many as before."""
