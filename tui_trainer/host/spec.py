"""What a host is started with: plain values, passed as one JSON object on its standard input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from tui_trainer.config.preset import Preset
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.paths import checked_name, new_run_name, socket_path, writable_runs_dir
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.runs.run_dir import taken


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


def host_spec(
    preset: Preset, runs_dir: str | None, name: str | None, command: Sequence[str], *, trust: bool = False
) -> HostSpec:
    """The spec of a host that trains the preset's runs in new folders.

    Raises:
        UserError: the preset would run code and is not trusted; the runs directory cannot be written, or the name is
            taken or cannot be one. Nothing is left behind.
    """
    check_trust(preset.runs.values(), preset.source, trust)
    directory = writable_runs_dir(runs_dir).absolute()
    chosen = checked_name(name, "--name") if name is not None else new_run_name(preset.name)
    top = directory / chosen
    if taken(top):
        raise UserError(f"a run named {chosen!r} is already in {directory}; choose another --name")
    runs = tuple(
        RunSpec(
            name=f"{chosen}/{variant}" if variant else chosen,
            path=str(top / variant if variant else top),
            config=config.model_copy(update={"data": config.data.located()}).model_dump(mode="json", exclude_none=True),
            preset=preset.name,
            title=config.title or preset.name,
        )
        for variant, config in preset.runs.items()
    )
    return HostSpec(runs=runs, socket=str(socket_path(top)), command=tuple(command), trust=trust)
