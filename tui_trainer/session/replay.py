"""Build the host spec of a replay, and compare the replay with its original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui_trainer.config.preset import load
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, RunSpec, socket_or_none
from tui_trainer.paths import check_working_directory, new_run_name, writable_runs_dir
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.history import RunHistory, first_difference, read_history
from tui_trainer.runs.interventions import commands_by_step
from tui_trainer.runs.run_dir import read_about, recorded_threads


def replay_spec(
    originals: Sequence[tuple[RunInfo, RunHistory]],
    runs_dir: str | None,
    command: Sequence[str],
    *,
    trust: bool = False,
) -> HostSpec:
    """Return the spec of a host that trains runs again from their configurations, with each intervention at its step.

    A run that did not end is trained as far as its journal reaches.

    Args:
        originals: one run, or the variants of a group, each with its history.
        runs_dir: the directory of the new runs.
        command: the command line, recorded in about.json.
        trust: whether the configuration may import the user's own code.

    Raises:
        UserError: a run is live, has no step, or imports the user's own code without `trust`.
    """
    check_working_directory()
    for info, history in originals:
        if info.live:
            raise UserError(f"run {info.name!r} is live; it can be replayed when it is over")
        if not history.last_step:
            raise UserError(f"run {info.name!r} has no steps to compare")
    first, path = originals[0][0], Path(originals[0][0].path).absolute()
    configs = [load(str(Path(info.path).absolute())).first for info, _ in originals]
    check_trust(configs, f"run {first.name!r}", trust)
    directory = writable_runs_dir(runs_dir).absolute()
    single = len(originals) == 1
    name = new_run_name(f"replay-{first.preset or (path.name if single else path.parent.name)}")
    names = [name if single else f"{name}/{Path(info.path).name}" for info, _ in originals]
    runs = tuple(
        RunSpec(
            name=new_name,
            path=str(directory / new_name),
            config=config.model_dump(mode="json", exclude_none=True),
            preset=info.preset,
            title=f"Replay of {info.name}",
            script=commands_by_step(history),
        )
        for new_name, config, (info, history) in zip(names, configs, originals, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=socket_or_none(directory / name),
        command=tuple(command),
        threads=recorded_threads(read_about(path)),
        trust=trust,
    )


def compare_replay(original: RunHistory, replay_journal: Path) -> tuple[bool, str]:
    """Compare a replay with its original. Returns whether their curves are identical, and the result in one line."""
    replay = read_history(replay_journal)
    last, reached = original.last_step, replay.last_step
    if original.finished is None or reached < last:
        # One of the two was stopped or killed at this step: only the stopped one has measurements of its end.
        for history in (original, replay):
            history.rows = {step: row for step, row in history.rows.items() if step < min(last, reached)}
    difference = first_difference(original, replay)
    if not difference and reached < last:
        ended = f"ended there: {replay.finished.detail}" if replay.finished is not None else "is not over"
        difference = f"identical over the first {reached:,} of {last:,} steps; the replay {ended}"
    return not difference, difference or f"identical over {last:,} steps"
