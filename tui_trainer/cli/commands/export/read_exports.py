"""The runs that the arguments of a command mean, read for an export: own runs, and logs of other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError

if TYPE_CHECKING:
    from tui_trainer.runs.exporting.exported_run import ExportedRun
    from tui_trainer.runs.run_info import RunInfo


def read_exports(names: Sequence[str], told: Sequence[str], directory: Path) -> list[ExportedRun]:
    """Read the runs, in the order in which they are named, each once.

    Raises:
        UserError: a name means nothing, or a run cannot be read.
    """
    from tui_trainer.cli.open_logs import entries_with_logs, tell
    from tui_trainer.readers.reading import Unreadable
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.exporting.log_runs import read_log_runs
    from tui_trainer.runs.run_filter import split_arguments
    from tui_trainer.session.logs.named_logs import parse_told

    columns = parse_told(told)
    plain, matching = split_arguments(names, directory)
    entries = entries_with_logs(plain, directory, columns)
    infos: dict[str, RunInfo] = {}
    runs: list[ExportedRun] = []
    problems: list[str] = []
    for entry in entries if entries is not None else plain:
        if isinstance(entry, (Path, str)):
            found = find_runs(str(entry), directory)
            runs += _own([info for info in found if info.path not in infos])
            infos |= {info.path: info for info in found}
            continue
        try:
            runs += read_log_runs(entry, columns)
        except Unreadable as error:
            problems.append(str(error))
    runs += _own([info for info in matching if info.path not in infos])
    if not runs:
        raise UserError(problems[0])
    tell(problems)
    _distinct(runs)
    return runs


def _own(infos: Sequence[RunInfo]) -> list[ExportedRun]:
    from tui_trainer.runs.exporting.own_run import read_own_run

    try:
        return [read_own_run(info) for info in infos]
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None


def _distinct(runs: Sequence[ExportedRun]) -> None:
    """Give runs of the same name different ones."""
    taken: set[str] = set()
    for run in runs:
        name, number = run.name, 1
        while run.name in taken:
            number += 1
            run.name = f"{name} ({number})"
        taken.add(run.name)
