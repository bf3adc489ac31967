"""`tui-trainer compare`: compare runs, on the screen or as text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui_trainer.cli.once import once_options
from tui_trainer.cli.options import json_option, map_option, max_kbps_option, print_json, print_table, runs_dir_option
from tui_trainer.protocol.describe import number
from tui_trainer.text import visible
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.runs.comparing.comparison import ComparedRun
    from tui_trainer.ui.printing.request import ScreenRequest


@click.command(epilog="Example: tui-trainer compare last 2026-11-23_140312 --json")
@click.argument("runs", metavar="RUN|PATH...", nargs=-1, required=True)
@json_option
@map_option
@max_kbps_option
@runs_dir_option
@once_options(("runs", *(name for name in RUN_SCREENS if name != "runs")))
def command(
    runs: tuple[str, ...],
    as_json: bool,
    told: tuple[str, ...],
    max_kbps: float | None,
    runs_dir: str | None,
    once: ScreenRequest | None,
) -> int:
    """Compare each RUN: final and best metrics, the settings that differ, the code, and whether the losses can be
    compared. A terminal shows the charts of the runs and these values below; into a pipe they are printed as text, with
    the interventions and their effect on the training loss. A filter such as 'lr>=0.001' stands for the runs that it
    matches; see `tui-trainer runs --help`. --once prints a screen of these runs: their table, or their charts.

    PATH is the log of another program, or a folder with some, as for `tui-trainer open`.
    """
    from tui_trainer.cli.open_logs import compare_entries, entries_with_logs, show_entries
    from tui_trainer.errors import UserError
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.comparing.comparison import compare
    from tui_trainer.runs.run_filter import split_arguments
    from tui_trainer.session.logs.named_logs import parse_told

    columns = parse_told(told)
    names, matching = split_arguments(runs, directory(runs_dir))
    entries = entries_with_logs(names, directory(runs_dir), columns)
    if entries is not None:
        entries += [Path(info.path) for info in matching]
        if once is not None or (len(entries) > 1 and not as_json and _has_screen()):
            page = "" if once is not None else "comparison"
            return show_entries(entries, columns, max_kbps=max_kbps, page=page, once=once)
        compared = compare_entries(entries, columns, directory(runs_dir))
        if as_json:
            print_json(as_json_fields(compared))
        else:
            _print(compared)
        return 0
    infos = [info for name in names for info in find_runs(name, directory(runs_dir))]
    infos += [info for info in matching if info not in infos]
    infos = list({info.path: info for info in infos}.values()) if not as_json else infos
    folders = [Path(info.path) for info in infos]
    if once is not None:
        from tui_trainer.cli.open_screen import show_folders

        return show_folders(folders, once=once)
    if len(infos) > 1 and not as_json and _has_screen() and not any(info.starting for info in infos):
        from tui_trainer.cli.open_screen import show_folders

        return show_folders(folders, max_kbps=max_kbps, page="comparison")
    try:
        compared = compare(infos)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        print_json(as_json_fields(compared))
    else:
        _print(compared)
    return 0


def _has_screen() -> bool:
    from tui_trainer.ui.terminal.terminal_check import terminal_problem

    return terminal_problem() is None


def as_json_fields(compared: list[ComparedRun]) -> dict[str, Any]:
    """Return the stable fields for `--json`."""
    from tui_trainer.runs.comparing.comparison import differing, not_comparable

    runs = [
        run.info.to_json()
        | {
            "interventions": [each.to_json() for each in run.interventions],
            "code": run.code.model_dump(mode="json") if run.code is not None else None,
        }
        for run in compared
    ]
    return {"runs": runs, "differs": differing(compared), "not_comparable": not_comparable(compared)}


def _print(compared: list[ComparedRun]) -> None:
    from tui_trainer.runs.comparing.comparison import AROUND, not_comparable
    from tui_trainer.runs.comparing.settings import code_lines, settings_that_differ

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
    for remark in not_comparable(compared):
        click.echo(visible(f"note: {remark}"))
    different = settings_that_differ([run.config for run in compared])
    names = [run.info.name for run in compared]
    if different:
        click.echo("\nsettings that differ")
        print_table([[key, *values] for key, values in different.items()], ("key", *names))
    code = code_lines(names, [run.code for run in compared])
    if code:
        click.echo("\ncode")
        print_table([list(line) for line in code], ("runs", "version"))
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
