"""Options and output formats shared by several commands."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec

runs_dir_option = click.option(
    "--runs-dir", metavar="DIR", help="Runs directory  [default: $TUI_TRAINER_RUNS or ./runs]"
)
trust_option = click.option("--trust", is_flag=True, help="Allow the preset to import and run user code.")
max_kbps_option = click.option(
    "--max-kbps",
    type=click.FloatRange(min=0),
    metavar="N",
    help="Limit the output to a slow terminal to N kB/s; 0: no limit.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


def print_json(value: object) -> None:
    """Print one JSON document on stdout, in ASCII only, so that no text in it can control a terminal.

    Raises:
        ValueError: a number is NaN or infinite; callers give None instead.
    """
    click.echo(json.dumps(value, indent=2, allow_nan=False).replace("\x7f", "\\u007f"))


def print_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> None:
    """Print aligned columns on stdout, cut at the width of the terminal. Control characters are replaced."""
    cells = [list(header), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()[:limit])


def print_differences(spec: HostSpec) -> None:
    """Print on stderr how this machine differs from the one that trained the runs of `spec` so far."""
    from tui_trainer.runs.environment_diff import differences

    for difference in differences(Path(spec.runs[0].path)):
        click.echo(visible(f"note: {difference}; results may differ in their last bits"), err=True)


def on_terminal() -> bool:
    """Return whether stdin and stdout are terminals."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False
