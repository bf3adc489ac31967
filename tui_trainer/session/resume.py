"""Build host specs that resume runs from their last checkpoints."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from tui_trainer.config.preset import load
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, RunSpec
from tui_trainer.paths import socket_path
from tui_trainer.protocol.commands import AnyCommand, SetEpochs, SetPatience
from tui_trainer.runs.catalog import RunInfo, describe, is_run
from tui_trainer.runs.run_dir import read_about, recorded_threads
from tui_trainer.session.base import Session
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.launch import launch
from tui_trainer.session.multi import MultiSession


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
            title=str(read_about(path).get("title", "")),
            resume=True,
            commands=tuple(extra),
        )
        for info, path, config in zip(left, paths, configs, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=str(socket_path(top)),
        command=tuple(command),
        threads=recorded_threads(read_about(paths[0])),
        trust=trust,
    )


def resume_session(folders: Sequence[str], beside: Sequence[str] = ()) -> Session:
    """A session in which new hosts go on with the runs in these folders, one host for those of a group.

    Args:
        folders: runs whose hosts vanished.
        beside: runs that are over, to be looked at with them.

    Raises:
        UserError: as `resume_spec`; then nothing is started.
    """
    sets: dict[Path, list[RunInfo]] = {}
    for path in map(Path, folders):
        group = "/" in str(read_about(path).get("name", ""))
        info = describe(path, path.parent.parent if group else None)
        sets.setdefault(path.parent if group else path, []).append(info)
    specs = [
        resume_spec(infos, epochs=None, patience=None, command=["tui-trainer", "resume", str(top)])
        for top, infos in sets.items()
    ]
    sessions: list[Session] = [launch(spec).session() for spec in specs]
    sessions += [JournalSession(Path(folder)) for folder in beside if is_run(Path(folder))]
    return sessions[0] if len(sessions) == 1 else MultiSession(sessions)


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
