"""Build the host spec that resumes runs from their last checkpoints."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from tui_trainer.config.preset import load
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, RunSpec, socket_or_none
from tui_trainer.paths import check_working_directory
from tui_trainer.protocol.commands import AnyCommand, SetEpochs, SetPatience
from tui_trainer.runs.catalog import RunInfo, is_run, read_run_info
from tui_trainer.runs.run_dir import read_about, recorded_processes, recorded_threads
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
    data_changed: bool = False,
) -> HostSpec:
    """Return the spec of a host that resumes runs, each from its last checkpoint.

    Args:
        infos: one run, or the variants of a group.
        epochs: new number of epochs in all, None for no change.
        patience: new patience, None for no change.
        command: the command line, recorded in about.json.
        trust: whether the configuration may import the user's own code.
        data_changed: whether to go on although the data have changed.

    Raises:
        UserError: a run is live, has nothing left to train, or imports the user's own code without `trust`.
    """
    check_working_directory()
    extra: list[AnyCommand] = []
    if epochs is not None:
        extra.append(SetEpochs(value=epochs, by="resume", id=secrets.token_hex(8)))
    if patience is not None:
        extra.append(SetPatience(patience=patience, by="resume", id=secrets.token_hex(8)))
    remaining = [info for info in infos if _can_resume(info, bool(extra), single=len(infos) == 1)]
    if not remaining:
        raise UserError("every run of the group is over; train longer with --epochs N")
    paths = [Path(info.path).absolute() for info in remaining]
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
        for info, path, config in zip(remaining, paths, configs, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=socket_or_none(top),
        command=tuple(command),
        threads=recorded_threads(read_about(paths[0])),
        processes=recorded_processes(read_about(paths[0])),
        trust=trust,
        data_changed=data_changed,
    )


def resume_session(folders: Sequence[str], finished: Sequence[str] = ()) -> Session:
    """Resume runs in new hosts, one for each group, and return a session with all of them.

    Args:
        folders: directories of runs whose hosts vanished.
        finished: directories of finished runs to show with them.

    Raises:
        UserError: as in `resume_spec`; then no host is started.
    """
    groups: dict[Path, list[RunInfo]] = {}
    for path in map(Path, folders):
        is_variant = "/" in str(read_about(path).get("name", ""))
        info = read_run_info(path, path.parent.parent if is_variant else None)
        groups.setdefault(path.parent if is_variant else path, []).append(info)
    specs = [
        resume_spec(infos, epochs=None, patience=None, command=["tui-trainer", "resume", str(top)])
        for top, infos in groups.items()
    ]
    sessions: list[Session] = [launch(spec).session() for spec in specs]
    sessions += [JournalSession(Path(folder)) for folder in finished if is_run(Path(folder))]
    return sessions[0] if len(sessions) == 1 else MultiSession(sessions)


def _can_resume(info: RunInfo, extended: bool, single: bool) -> bool:
    """Return False for a finished run of a group; for a single one raise `UserError` with what to do."""
    if info.live:
        raise UserError(f"run {info.name!r} is live; join it with `tui-trainer attach {info.name}`")
    if info.kept.best_only and not any(Path(info.path, "checkpoints").glob("*last.safetensors")):
        raise UserError(
            f"run {info.name!r} kept only its best checkpoint and cannot be resumed; "
            f"train it again with `tui-trainer run {info.path}/run.toml`"
        )
    reason = {
        "completed": "all its epochs are trained; train longer with --epochs N",
        "early-stopped": "it stopped early; let it wait longer with --patience N",
    }.get(info.reason)
    if reason is None or extended:
        return True
    if single:
        raise UserError(f"run {info.name!r} is over: {reason}")
    return False
