"""Build host specs that replay runs, and compare a replay with its original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tui_trainer.config.preset import load
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.host.spec import HostSpec, RunSpec
from tui_trainer.paths import new_run_name, socket_path, writable_runs_dir
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
            script=commands_by_step(record),
        )
        for again, config, (info, record) in zip(names, configs, originals, strict=True)
    )
    return HostSpec(
        runs=runs,
        socket=str(socket_path(directory / name)),
        command=tuple(command),
        threads=recorded_threads(read_about(path)),
        trust=trust,
    )


def verdict(one: RunHistory, replayed: Path) -> tuple[bool, str]:
    """Whether the journal of a replay holds the same curves as the run, and the sentence that says so."""
    other = read_history(replayed)
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
