"""`tui-trainer compare`: compare runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.once import once_options
from tui_trainer.cli.options import json_option, print_json, print_table, runs_dir_option
from tui_trainer.protocol.describe import number
from tui_trainer.text import visible
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.runs.comparing.comparison import ComparedRun
    from tui_trainer.ui.printing.request import ScreenRequest


@click.command(epilog="Example: tui-trainer compare last 2026-11-23_140312 --json")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@json_option
@runs_dir_option
@once_options(("runs", *(name for name in RUN_SCREENS if name != "runs")))
def command(runs: tuple[str, ...], as_json: bool, runs_dir: str | None, once: ScreenRequest | None) -> int:
    """Print final and best metrics of each RUN, the settings that differ, and the interventions with their effect on
    the training loss. A filter such as 'lr>=0.001' stands for the runs that it matches; see `tui-trainer runs --help`.
    --once prints a screen of these runs instead: their table, or their curves in the same charts.
    """
    from tui_trainer.errors import UserError
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.comparing.comparison import compare, differing
    from tui_trainer.runs.run_filter import split_arguments

    names, matching = split_arguments(runs, directory(runs_dir))
    infos = [info for name in names for info in find_runs(name, directory(runs_dir))]
    infos += [info for info in matching if info not in infos]
    if once is not None:
        from tui_trainer.cli.open_screen import show
        from tui_trainer.session.finished_run import JournalSession
        from tui_trainer.session.multi import MultiSession

        return show(MultiSession([JournalSession(Path(info.path)) for info in infos]), once=once)
    try:
        compared = compare(infos)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        runs_json = [
            run.info.to_json() | {"interventions": [each.to_json() for each in run.interventions]} for run in compared
        ]
        print_json({"runs": runs_json, "differs": differing(compared)})
        return 0
    _print(compared)
    return 0


def _print(compared: list[ComparedRun]) -> None:
    from tui_trainer.runs.comparing.comparison import AROUND, differing

    metrics = list(dict.fromkeys(name for run in compared for name in run.info.metrics))
    rows: list[list[str]] = []
    for run in compared:
        best = run.info.best
        rows.append(
            [
                run.info.name,
                run.info.reason or run.info.status,
                str(run.info.epoch),
                f"{best['metric']} {number(best['value'])} @{best['epoch']}" if best else "-",
                *(number(run.info.metrics.get(name)) for name in metrics),
            ]
        )
    print_table(rows, ("run", "ended", "epochs", "best", *metrics))
    different = differing(compared)
    if different:
        click.echo("\nsettings that differ")
        print_table([[key, *map(str, values)] for key, values in different.items()], ("key", *(row[0] for row in rows)))
    for run in compared:
        if run.interventions:
            click.echo(f"\ninterventions in {visible(run.info.name)} (loss: mean of {AROUND} steps before and after)")
            because = ("because",) if any(each.because for each in run.interventions) else ()
            print_table(
                [
                    [str(each.step), each.what, number(each.before), number(each.after)]
                    + ([each.because or "-"] if because else [])
                    for each in run.interventions
                ],
                ("step", "intervention", "before", "after", *because),
            )
