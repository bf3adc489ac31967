"""The spec of a host: plain values, passed to it as one JSON object on standard input."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from tui_trainer.config.preset import Preset
from tui_trainer.config.trust import check_trust
from tui_trainer.config.unused_settings import refuse_unused
from tui_trainer.errors import UserError
from tui_trainer.paths import (
    check_working_directory,
    new_name,
    new_run_name,
    socket_path,
    writable_runs_dir,
)
from tui_trainer.protocol.actions.action_commands import action_commands
from tui_trainer.protocol.commands import LESSON, AnyCommand, Pause
from tui_trainer.protocol.wheel.allowed import check_names
from tui_trainer.runs.recorded_data import RecordedData
from tui_trainer.runs.run_dir import name_is_taken, read_about
from tui_trainer.state.colors import HUES, assign_colors


class RunSpec(BaseModel):
    """One run of a host."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    path: str
    """The run directory. The host creates it after it has built model and data."""
    config: dict[str, Any]
    """The resolved configuration, validated before the host is started."""
    preset: str = ""
    title: str = ""
    resume: bool = False
    """Whether to resume an existing run directory from its last checkpoint."""
    commands: tuple[AnyCommand, ...] = ()
    """Commands that are applied before the first batch."""
    script: tuple[tuple[int, AnyCommand], ...] | None = None
    """(step, command): the interventions of an earlier run, applied again at the same steps, in place of the actions
    of the configuration. None for a run that is no replay."""
    recorded_data: tuple[RecordedData, ...] = ()
    """The data of the run that this one replays."""


class HostSpec(BaseModel):
    """The runs of one host, and its settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: tuple[RunSpec, ...]
    socket: str
    """Path of the socket that it listens on, empty where no directory can hold one."""
    command: tuple[str, ...] = ()
    """The command line that started it, recorded in about.json."""
    trust: bool = False
    """Whether the configuration may import the user's own code."""
    data_changed: bool = False
    """Whether runs may be resumed although their data have changed."""
    requeue_signal: str = ""
    """Signal, such as SIGUSR1, that stops and saves the runs; the process then exits with `requeue_code`."""
    requeue_code: int = 0
    """Exit code after `requeue_signal`."""
    on_event: tuple[str, ...] = ()
    """Command that runs when a run ends, fails or has a serious finding; empty for none."""
    mirror: tuple[str, ...] = ()
    """Kinds of files for other programs that are written while the runs train: tensorboard, csv, jsonl."""
    processes: int = 1
    """Processes that train the run together."""
    threads: int = 0
    """Threads of one torch operation, 0 for torch's default. A resumed run needs the same number as before."""


def colors_of(runs: Sequence[RunSpec]) -> dict[str, int]:
    """Return the number of the hue of each run: that of about.json if it is resumed, else resolved in the set."""
    stored: dict[str, int | None] = {}
    for run in runs:
        color = read_about(Path(run.path)).get("color") if run.resume else None
        stored[run.name] = color if isinstance(color, int) and 0 <= color < HUES else None
    colors = assign_colors(stored, stored)
    return {name: color if (known := stored[name]) is None else known for name, color in colors.items()}


def host_spec(
    preset: Preset, runs_dir: str | None, name: str | None, command: Sequence[str], *, trust: bool = False
) -> HostSpec:
    """Return the spec of a host that trains the runs of a preset in new run directories.

    Raises:
        UserError: the preset imports the user's own code and is not trusted, the runs directory cannot be written, or
            the name is invalid or taken. Nothing is left behind.
    """
    check_working_directory()
    check_trust(preset.runs.values(), preset.source, trust)
    for variant, config in preset.runs.items():
        source = f"{preset.source}: variant {variant}" if variant else preset.source
        refuse_unused(config, source)
        check_names(config.allow, source)
        action_commands(config.actions, source)  # refuses those that are not valid
    directory = writable_runs_dir(runs_dir).absolute()
    chosen = new_name(name, "--name") if name is not None else new_run_name(preset.name)
    top = directory / chosen
    if name_is_taken(top):
        raise UserError(f"run {chosen!r} already exists in {directory}; choose another --name")
    runs = tuple(
        RunSpec(
            name=f"{chosen}/{variant}" if variant else chosen,
            path=str(top / variant if variant else top),
            config=config.located().model_dump(mode="json", exclude_none=True),
            preset=preset.name,
            title=config.title or preset.name,
        )
        for variant, config in preset.runs.items()
    )
    return HostSpec(runs=runs, socket=socket_or_none(top), command=tuple(command), trust=trust)


def held(spec: HostSpec) -> HostSpec:
    """Return the spec with every run paused before its first batch, until the lesson on the screen goes on."""
    pause = Pause(by=LESSON)
    runs = tuple(run.model_copy(update={"commands": (pause, *run.commands)}) for run in spec.runs)
    return spec.model_copy(update={"runs": runs})


def socket_or_none(top: Path) -> str:
    """Return the path of the socket for a run or a group; empty where no directory can hold one."""
    try:
        return str(socket_path(top))
    except UserError:
        return ""


def early_log(spec: HostSpec) -> Path:
    """Return the file for what the host prints before a run directory is open."""
    if spec.socket:
        return Path(spec.socket).with_suffix(".log")
    top = Path(spec.runs[0].path)
    directory = next((parent for parent in top.parents if parent.is_dir()), top.parent)
    return directory / f".{top.name}-{os.getpid()}.log"
