"""`tui-trainer compare`: runs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import json_option, print_json, print_table, runs_dir_option
from tui_trainer.protocol.describe import number
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.runs.comparison import ComparedRun


@click.command(epilog="Example: tui-trainer compare last 2026-11-23_140312 --json")
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True)
@json_option
@runs_dir_option
def command(runs: tuple[str, ...], as_json: bool, runs_dir: str | None) -> int:
    """Final and best metrics of each RUN, what differs in their configurations, and what was done to them."""
    from tui_trainer.errors import UserError
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.comparison import compare, differing

    infos = [info for name in runs for info in find_runs(name, directory(runs_dir))]
    try:
        compared = compare(infos)
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from None
    if as_json:
        runs_json = [
            one.info.to_json() | {"interventions": [done.to_json() for done in one.interventions]} for one in compared
        ]
        print_json({"runs": runs_json, "differs": differing(compared)})
        return 0
    _print(compared)
    return 0


def _print(compared: list[ComparedRun]) -> None:
    from tui_trainer.runs.comparison import AROUND, differing

    names = list(dict.fromkeys(name for one in compared for name in one.info.metrics))
    rows: list[list[str]] = []
    for one in compared:
        best = one.info.best
        rows.append(
            [
                one.info.name,
                one.info.reason or one.info.status,
                str(one.info.epoch),
                f"{best['metric']} {number(best['value'])} @{best['epoch']}" if best else "-",
                *(number(one.info.metrics.get(name)) for name in names),
            ]
        )
    print_table(rows, ("run", "ended", "epochs", "best", *names))
    different = differing(compared)
    if different:
        click.echo("\nwhat differs")
        print_table([[key, *map(str, values)] for key, values in different.items()], ("key", *(r[0] for r in rows)))
    for one in compared:
        if one.interventions:
            click.echo(f"\nwhat was done to {visible(one.info.name)} (loss: mean of {AROUND} steps before and after)")
            print_table(
                [[str(d.step), d.what, number(d.before), number(d.after)] for d in one.interventions],
                ("step", "what", "before", "after"),
            )
