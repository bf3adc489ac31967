"""Runs trained on or trained again: which ones can be, with what, and what is different about this machine since."""

from __future__ import annotations

import json
import os
import platform
import secrets
import socket
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from tui_trainer import __version__
from tui_trainer.config.preset import Preset, load
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.paths import new_run_name, socket_path, writable_runs_dir
from tui_trainer.protocol.commands import AnyCommand, SetEpochs, SetPatience
from tui_trainer.runs.durable import read_plain
from tui_trainer.runs.folder import MAX_ABOUT
from tui_trainer.runs.listing import RunInfo, describe, is_run
from tui_trainer.runs.record import Record, first_difference, read_record
from tui_trainer.runs.script import script_of
from tui_trainer.session.base import Session
from tui_trainer.session.launch import launch
from tui_trainer.session.replay import ReplaySession
from tui_trainer.session.several import SeveralSessions
from tui_trainer.session.spec import HostSpec, RunSpec, host_spec


def resume_spec(
    infos: Sequence[RunInfo],
    *,
    epochs: int | None,
    patience: int | None,
    command: Sequence[str],
    trust: bool = False,
) -> HostSpec:
    """The spec of a host that goes on with these runs, each from its last checkpoint.

    Args:
        infos: one run, or the variants of a group.
        epochs: how many epochs the runs are to have now.
        patience: their patience now.
        trust: whether code by import path may run.

    Raises:
        UserError: a run is live, or over with nothing left to do, or would run code and is not trusted.
    """
    extra: list[AnyCommand] = []
    if epochs is not None:
        extra.append(SetEpochs(value=epochs, by="resume", id=secrets.token_hex(8)))
    if patience is not None:
        extra.append(SetPatience(patience=patience, by="resume", id=secrets.token_hex(8)))
    left = [info for info in infos if _can_go_on(info, bool(extra), alone=len(infos) == 1)]
    if not left:
        raise UserError("every run of the group is over; --epochs N makes them longer")
    paths = [Path(info.path).absolute() for info in left]
    top = paths[0] if len(paths) == 1 else paths[0].parent
    configs = [load(str(path)).first for path in paths]
    check_trust(configs, f"run {infos[0].name!r}", trust)
    runs = tuple(
        RunSpec(
            name=info.name,
            path=str(path),
            config=config.model_dump(mode="json", exclude_none=True),
            preset=info.preset,
            title=str(_about(path).get("title", "")),
            resume=True,
            commands=tuple(extra),
        )
        for info, path, config in zip(left, paths, configs, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=str(socket_path(top)),
        command=tuple(command),
        threads=_threads(_about(paths[0])),
        trust=trust,
    )


def take_up(folders: Sequence[str], beside: Sequence[str] = ()) -> Session:
    """A session in which new hosts go on with the runs in these folders, one host for those of a group.

    Args:
        folders: runs whose hosts vanished.
        beside: runs that are over, to be looked at with them.

    Raises:
        UserError: as `resume_spec`; then nothing is started.
    """
    sets: dict[Path, list[RunInfo]] = {}
    for path in map(Path, folders):
        group = "/" in str(_about(path).get("name", ""))
        info = describe(path, path.parent.parent if group else None)
        sets.setdefault(path.parent if group else path, []).append(info)
    specs = [
        resume_spec(infos, epochs=None, patience=None, command=["tui-trainer", "resume", str(top)])
        for top, infos in sets.items()
    ]
    sessions: list[Session] = [launch(spec).session() for spec in specs]
    sessions += [ReplaySession(Path(folder)) for folder in beside if is_run(Path(folder))]
    return sessions[0] if len(sessions) == 1 else SeveralSessions(sessions)


def anew_spec(runs: Mapping[str, str], overrides: Sequence[str]) -> HostSpec:
    """The spec of a host that trains runs from their beginning once more, as new runs beside them.

    Args:
        runs: the folder of each run by the run's name.
        overrides: `KEY=VALUE`, the same for each run.

    Raises:
        UserError: a folder is not on this machine; a key or a value is not allowed; a run would run code.
    """
    folders = {name: Path(folder) for name, folder in runs.items()}
    for name, folder in folders.items():
        if not runs[name] or not (folder / "run.toml").is_file():
            raise UserError(f"not on this machine: the folder of run {name!r}; start it anew where it lies")
    configs = {name.partition("/")[2]: load(str(folder), overrides).first for name, folder in folders.items()}
    name, folder = next(iter(folders.items()))
    preset = str(_about(folder).get("preset", "")) or folder.name
    directory = folder.parent.parent if "/" in name else folder.parent
    command = ["tui-trainer", "run", str(folder if len(folders) == 1 else preset), *overrides]
    return host_spec(Preset(preset, f"run {name!r}", configs), str(directory), None, command)


def anew(runs: Mapping[str, str], overrides: Sequence[str]) -> Session:
    """A session with a new host that trains these runs once more, as `anew_spec` has it. Errors as of that."""
    return launch(anew_spec(runs, overrides)).session()


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


def differences(path: Path, device: str = "") -> list[str]:
    """What about this machine differs from the one that trained the run last, in words: the bits may differ with it.

    Args:
        path: the run folder.
        device: what it is to be trained on now, where that is known.
    """
    about = _about(path)
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


def _threads(about: dict[str, Any]) -> int:
    """The threads that torch used, 0 where that is not known or makes no sense."""
    threads = about.get("threads", 0)
    return threads if isinstance(threads, int) and 0 <= threads <= 4096 else 0


def _about(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_plain(path / "about.json", MAX_ABOUT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def replay_spec(
    originals: Sequence[tuple[RunInfo, Record]], runs_dir: str | None, command: Sequence[str], *, trust: bool = False
) -> HostSpec:
    """The spec of a host that trains runs again from their configurations, each intervention at its step.

    A run that did not end by itself is trained as far as its journal reaches.

    Args:
        originals: one run, or the variants of a group, each with what its journal says.

    Raises:
        UserError: one of the runs is live, its journal holds no step, or it would run code and is not trusted.
    """
    for info, record in originals:
        if info.live:
            raise UserError(f"run {info.name!r} is live: it can be replayed when it is over")
        if not record.last_step:
            raise UserError(f"run {info.name!r} has no step to compare")
    first, path = originals[0][0], Path(originals[0][0].path).absolute()
    configs = [load(str(Path(info.path).absolute())).first for info, _ in originals]
    check_trust(configs, f"run {first.name!r}", trust)
    directory = writable_runs_dir(runs_dir).absolute()
    alone = len(originals) == 1
    name = new_run_name(f"replay-{first.preset or (path.name if alone else path.parent.name)}")
    names = [name if alone else f"{name}/{Path(info.path).name}" for info, _ in originals]
    runs = tuple(
        RunSpec(
            name=again,
            path=str(directory / again),
            config=config.model_dump(mode="json", exclude_none=True),
            preset=info.preset,
            title=f"Replay of {info.name}",
            script=script_of(record),
        )
        for again, config, (info, record) in zip(names, configs, originals, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=str(socket_path(directory / name)),
        command=tuple(command),
        threads=_threads(_about(path)),
        trust=trust,
    )


def verdict(one: Record, replayed: Path) -> tuple[bool, str]:
    """Whether the journal of a replay holds the same curves as the run, and the sentence that says so."""
    other = read_record(replayed)
    last, reached = one.last_step, other.last_step
    if one.finished is None or reached < last:
        # What a run adds where it is stopped was never measured in one that went on, or that was killed there.
        for record in (one, other):
            record.rows = {step: row for step, row in record.rows.items() if step < min(last, reached)}
    difference = first_difference(one, other)
    if not difference and reached < last:
        ended = f"ended there: {other.finished.detail}" if other.finished is not None else "is not over"
        difference = f"identical over the first {reached:,} of {last:,} steps; the replay {ended}"
    return not difference, difference or f"identical over {last:,} steps"
