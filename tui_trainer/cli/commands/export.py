"""`tui-trainer export`: write a run's curves to a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tui_trainer.cli.options import force_option, output_file, runs_dir_option
from tui_trainer.text import visible


@click.command(epilog="Example: tui-trainer export last --to csv -o - | head")
@click.argument("run", metavar="RUN")
@click.option("--to", "format_", type=click.Choice(["csv"]), required=True, help="File format.")
@click.option("-o", "output", metavar="PATH", help="Output file; - for stdout  [default: RUN.csv]")
@force_option
@runs_dir_option
def command(run: str, format_: str, output: str | None, force: bool, runs_dir: str | None) -> int:
    """Write the curves of RUN to a file: one row per step, one column per metric.

    A file that exists is overwritten only with --force.
    """
    from tui_trainer.errors import UserError
    from tui_trainer.paths import expanded
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_run
    from tui_trainer.runs.export import write_csv

    info = find_run(run, directory(runs_dir))
    journal = Path(info.path) / "events.jsonl"
    path = output or f"{info.name.replace('/', '-')}.{format_}"
    try:
        if path == "-":
            write_csv(journal, sys.stdout)
            return 0
        with output_file(expanded(path), repr(path), force=force) as file:
            count = write_csv(journal, file)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UserError(f"{error.filename or path}: {error.strerror}") from None
    click.echo(visible(f"{path}: {count} steps written"), err=True)
    return 0
