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
from tui_trainer.runs.comparing.flat_config import differing_keys, flattened
from tui_trainer.runs.comparing.interventions import commands_by_step
from tui_trainer.runs.comparing.mends import RecordedRun, explained
from tui_trainer.runs.history import RunHistory, differing_metrics, first_difference, read_history
from tui_trainer.runs.recorded_data import changes, recorded_data
from tui_trainer.runs.run_dir import read_about, recorded_processes, recorded_threads


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
            recorded_data=tuple(recorded_data(read_about(Path(info.path)))),
        )
        for new_name, config, (info, history) in zip(names, configs, originals, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=socket_or_none(directory / name),
        command=tuple(command),
        threads=recorded_threads(read_about(path)),
        processes=recorded_processes(read_about(path)),
        trust=trust,
    )


def compare_replay(original: RunHistory, path: Path, replay: Path) -> tuple[bool, list[str]]:
    """Compare a replay with its original.

    With other data than the original was trained on, a replay is not identical, whatever its numbers are.

    Args:
        original: the history of the run.
        path: its directory.
        replay: the directory of the replay.

    Returns:
        whether the curves are identical, and the result in lines: the first difference, changed data, and the mends
        since the run was recorded that explain differences.
    """
    again, about = read_history(replay / "events.jsonl"), read_about(path)
    last, reached = original.last_step, again.last_step
    if original.finished is None or reached < last:
        # One of the two was stopped or killed at this step: only the stopped one has measurements of its end.
        for history in (original, again):
            history.rows = {step: row for step, row in history.rows.items() if step < min(last, reached)}
    lines: list[str] = []
    difference = first_difference(original, again)
    if difference:
        run = RecordedRun(load(str(path.absolute())).first, original, about)
        lines = [difference, *_changed_settings(run), *explained(run, differing_metrics(original, again))]
    elif reached < last:
        ended = f"ended there: {again.finished.detail}" if again.finished is not None else "is not over"
        lines = [f"identical over the first {reached:,} of {last:,} steps; the replay {ended}"]
    now = recorded_data(read_about(replay))
    changed = changes(recorded_data(about), now[0] if now else None)
    if changed and not difference:
        lines = [f"not a replay of the same data, though every number is the same over {min(last, reached):,} steps"]
    lines += changed
    return not lines, lines or [f"identical over {last:,} steps"]


def _changed_settings(run: RecordedRun) -> list[str]:
    """Return the settings of run.toml that differ from those at the last start, a line for each."""
    then = flattened(run.history.started.config) if run.history.started is not None else {}
    now = flattened(run.config.model_dump(mode="json", exclude_none=True))
    return [
        f"run.toml has changed since: {key} was {then[key]}, is {now.get(key, 'not set')}"
        for key in differing_keys([then, now])
        if key in then
    ]
