"""`tui-trainer export`: write runs to a file that other programs open."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

import click

from tui_trainer.cli.options import binary_output, check_output_file, force_option, map_option, runs_dir_option
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.runs.exporting.exported_run import ExportedRun

FORMATS = ("csv", "jsonl", "parquet", "tensorboard", "svg", "html")


@click.command(epilog="Example: tui-trainer export last --to csv -o - | head")
@click.argument("runs", metavar="RUN|FILTER|PATH...", nargs=-1, required=True)
@click.option("--to", "format_", type=click.Choice(FORMATS), required=True, help="File format.")
@click.option(
    "-o", "output", metavar="PATH", help="Output file; - for stdout; for tensorboard a folder  [default: RUN.FORMAT]"
)
@click.option("--interventions", is_flag=True, help="csv of one run: add a column with what was done at each step.")
@force_option
@map_option
@runs_dir_option
def command(
    runs: tuple[str, ...],
    format_: str,
    output: str | None,
    interventions: bool,
    force: bool,
    told: tuple[str, ...],
    runs_dir: str | None,
) -> int:
    """Write each RUN to a file: one row per step, one column per metric. Several runs share a file, with a column run
    at its end; TensorBoard gets a folder with a folder for each. PATH is the log of another program, as for
    `tui-trainer open`.

    csv and jsonl are text, parquet needs pyarrow, svg is a picture of the curves, html a page that needs no network.
    What was done to a run travels: as a column, as marks, or as text next to the
    curves of TensorBoard. A file that
    exists is overwritten only with --force.
    """
    from tui_trainer.cli.commands.export.read_exports import read_exports
    from tui_trainer.errors import UserError
    from tui_trainer.paths import expanded
    from tui_trainer.paths import runs_dir as directory

    if interventions and format_ != "csv":
        raise UserError(f"--interventions is for --to csv; {format_} has them without it")
    if format_ == "parquet":
        from tui_trainer.runs.exporting.parquet_file import require_parquet

        require_parquet()
    exported = read_exports(runs, told, directory(runs_dir))
    path = output or _default(exported, format_)
    steps = sum(len(run.steps) for run in exported)
    try:
        if format_ == "tensorboard":
            _write_folder(exported, path, force=force)
        elif path == "-":
            _write_out(exported, format_, interventions=interventions)
            return 0
        else:
            with binary_output(expanded(path), repr(path), force=force) as file:
                _write(exported, format_, file, interventions=interventions)
    except BrokenPipeError:
        raise
    except OSError as error:
        if path == "-" and error.filename is None:
            raise  # said once, of standard output
        raise UserError(f"{error.filename or path}: {error.strerror}") from None
    click.echo(visible(f"{path}: {steps} steps written"), err=True)
    return 0


def _default(runs: Sequence[ExportedRun], format_: str) -> str:
    name = runs[0].name.replace("/", "-") if len(runs) == 1 else "runs"
    return f"{name}-tensorboard" if format_ == "tensorboard" else f"{name}.{format_}"


def _write(runs: Sequence[ExportedRun], format_: str, file: BinaryIO, *, interventions: bool) -> None:
    if format_ == "parquet":
        from tui_trainer.runs.exporting.parquet_file import write_parquet

        write_parquet(runs, file)
        return
    from tui_trainer.runs.exporting.csv_table import write_csv, write_json_lines

    # Not TextIOWrapper: after an error it would close standard output with itself.
    text = cast("TextIO", codecs.getwriter("utf-8")(file, "backslashreplace"))
    match format_:
        case "csv":
            write_csv(runs, text, interventions=interventions)
        case "jsonl":
            write_json_lines(runs, text)
        case "svg":
            from tui_trainer.runs.exporting.chart_groups import charts_of
            from tui_trainer.runs.exporting.svg_chart import stacked

            text.write(stacked(charts_of(runs)[0]) + "\n")
        case _:
            from tui_trainer.runs.exporting.page.run_page import run_page

            text.write(run_page(runs))
    file.flush()


def _write_out(runs: Sequence[ExportedRun], format_: str, *, interventions: bool) -> None:
    from tui_trainer.errors import UserError

    if format_ == "parquet" and sys.stdout.isatty():
        raise UserError("a Parquet file would garble the terminal: name a file with -o, or write into a pipe")
    sys.stdout.flush()
    _write(runs, format_, sys.stdout.buffer, interventions=interventions)
    sys.stdout.buffer.flush()


def _write_folder(runs: Sequence[ExportedRun], path: str, *, force: bool) -> None:
    """Write an event file for each run, in a folder of its own where there are several."""
    from tui_trainer.errors import UserError
    from tui_trainer.paths import expanded
    from tui_trainer.runs.exporting.event_file import file_name, write_events

    if path == "-":
        raise UserError("TensorBoard reads folders: name one with -o, not -")
    folder = expanded(path)
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{path!r} is a file; TensorBoard reads folders: name another with -o")
    places = [_folder_of(run, folder, several=len(runs) > 1) / file_name(run.started_at) for run in runs]
    for place in places:
        check_output_file(place, repr(str(place)), force=force)
    for run, place in zip(runs, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        with binary_output(place, repr(str(place)), force=force) as file:
            write_events(run, file)


def _folder_of(run: ExportedRun, folder: Path, *, several: bool) -> Path:
    """Return the folder of a run: below the given one, whatever its name holds."""
    parts = [part for part in run.name.split("/") if part.strip(". ")]
    return folder.joinpath(*parts) if several else folder
