"""Runs trained on or trained again: which ones can be, with what, and what is different about this machine since."""

from __future__ import annotations

import json
import os
import platform
import socket
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from tui_trainer import __version__
from tui_trainer.config.preset import load
from tui_trainer.errors import UserError
from tui_trainer.paths import new_run_name, socket_path, writable_runs_dir
from tui_trainer.protocol.commands import AnyCommand, SetEpochs, SetPatience, Stop
from tui_trainer.runs.listing import RunInfo
from tui_trainer.runs.record import Record, first_difference, read_record
from tui_trainer.session.spec import HostSpec, RunSpec


def resume_spec(
    infos: Sequence[RunInfo], *, epochs: int | None, patience: int | None, command: Sequence[str]
) -> HostSpec:
    """The spec of a host that goes on with these runs, each from its last checkpoint.

    Args:
        infos: one run, or the variants of a group.
        epochs: how many epochs the runs are to have now.
        patience: their patience now.

    Raises:
        UserError: a run is live, or over with nothing left to do.
    """
    extra: list[AnyCommand] = []
    if epochs is not None:
        extra.append(SetEpochs(value=epochs, by="resume"))
    if patience is not None:
        extra.append(SetPatience(patience=patience, by="resume"))
    left = [info for info in infos if _can_go_on(info, bool(extra), alone=len(infos) == 1)]
    if not left:
        raise UserError("every run of the group is over; --epochs N makes them longer")
    paths = [Path(info.path).absolute() for info in left]
    top = paths[0] if len(infos) == 1 else paths[0].parent
    runs = tuple(
        RunSpec(
            name=info.name,
            path=str(path),
            config=load(str(path)).first.model_dump(mode="json", exclude_none=True),
            preset=info.preset,
            title=str(_about(path).get("title", "")),
            resume=True,
            commands=tuple(extra),
        )
        for info, path in zip(left, paths, strict=True)
    )
    return HostSpec(runs=runs, socket=str(socket_path(top)), command=tuple(command), threads=_threads(_about(paths[0])))


def _can_go_on(info: RunInfo, longer: bool, alone: bool) -> bool:
    if info.live:
        raise UserError(f"run {info.name!r} is live; `tui-trainer attach {info.name}` joins it")
    why = {
        "completed": "all its epochs are trained; --epochs N makes it longer",
        "early-stopped": "it stopped early; --patience N lets it wait longer",
    }.get(info.reason)
    if why is None or longer:
        return True
    if alone:
        raise UserError(f"run {info.name!r} is over: {why}")
    return False


def differences(path: Path) -> list[str]:
    """What about this machine differs from the one that wrote the run, in words: the bits may differ with it."""
    about = _about(path)
    then = about.get("versions")
    then = dict(then) if isinstance(then, dict) else {}
    now = {"tui-trainer": __version__, "python": platform.python_version()}
    for package in then.keys() - now.keys():
        try:
            now[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            now[package] = "not installed"
    found = [
        f"{name} was {version}, is {now[name]}"
        for name, version in sorted(then.items())
        if name in ("tui-trainer", "python", "torch", "numpy", "scikit-learn") and now[name] != version
    ]
    if about.get("host") not in (None, socket.gethostname()):
        found.append(f"the machine was {about['host']}, is {socket.gethostname()}")
    threads = about.get("threads")
    if isinstance(threads, int) and threads > (os.cpu_count() or 1):
        found.append(f"{threads} threads were used, this machine has {os.cpu_count()} cores")
    return found


def _threads(about: dict[str, Any]) -> int:
    """The threads that torch used, 0 where that is not known or makes no sense."""
    threads = about.get("threads", 0)
    return threads if isinstance(threads, int) and 0 <= threads <= 4096 else 0


def _about(path: Path) -> dict[str, Any]:
    try:
        found = json.loads((path / "about.json").read_bytes()[: 1 << 20])
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def replay_spec(info: RunInfo, runs_dir: str | None, record: Record, command: Sequence[str]) -> HostSpec:
    """The spec of a host that trains a run again from its configuration, each intervention at its step.

    A run that did not end by itself is trained as far as its journal reaches.

    Raises:
        UserError: the run is live, or its journal holds no step.
    """
    if info.live:
        raise UserError(f"run {info.name!r} is live: it can be replayed when it is over")
    if not record.last_step:
        raise UserError(f"run {info.name!r} has no step to compare")
    path = Path(info.path).absolute()
    directory = writable_runs_dir(runs_dir).absolute()
    name = new_run_name(f"replay-{info.preset or path.name}")
    script = list(record.interventions)
    if record.finished is None:
        script.append((record.last_step, Stop(by="the end of the journal", id="the-end")))
    return HostSpec(
        runs=(
            RunSpec(
                name=name,
                path=str(directory / name),
                config=load(str(path)).first.model_dump(mode="json", exclude_none=True),
                preset=info.preset,
                title=f"Replay of {info.name}",
                script=tuple(script),
            ),
        ),
        socket=str(socket_path(directory / name)),
        command=tuple(command),
        threads=_threads(_about(path)),
    )


def verdict(original: Path, replayed: Path) -> tuple[bool, str]:
    """Whether two journals hold the same curves, and the sentence that says so."""
    one, other = read_record(original), read_record(replayed)
    if one.finished is None:  # what a replay adds at the end of a broken journal was never in it
        last = one.last_step
        for record in (one, other):
            record.rows = {step: row for step, row in record.rows.items() if step < last}
    difference = first_difference(one, other)
    return not difference, difference or f"identical over {one.last_step:,} steps"
