"""Options that several commands share, and how they print."""

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

runs_dir_option = click.option("--runs-dir", metavar="DIR", help="Where runs are; else TUI_TRAINER_RUNS, else ./runs.")
trust_option = click.option("--trust", is_flag=True, help="Let the preset import and run code of its own.")
max_kbps_option = click.option(
    "--max-kbps", type=click.FloatRange(min=0), metavar="N", help="Send a thin line at most N kB a second; 0: no limit."
)
json_option = click.option("--json", "as_json", is_flag=True, help="For programs: JSON on stdout.")


def print_json(value: object) -> None:
    """One JSON document on stdout. What is not a number is null; ASCII alone, so that no name acts on a terminal."""
    click.echo(json.dumps(value, indent=2, allow_nan=False).replace("\x7f", "\\u007f"))


def print_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> None:
    """Columns of text, cut at the edge of a terminal. Foreign text is made visible."""
    cells = [list(header), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in cells:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()[:limit])


def print_differences(spec: HostSpec) -> None:
    """What about this machine differs from the one that trained the runs, before they go on."""
    from tui_trainer.runs.environment_diff import differences

    for difference in differences(Path(spec.runs[0].path)):
        click.echo(visible(f"note: {difference}: the curve may differ in its last bits"), err=True)


def on_terminal() -> bool:
    """Whether a person sits before this: a screen can be drawn and keys can be read."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False
