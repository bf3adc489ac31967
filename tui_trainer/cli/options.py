"""Options and output formats shared by several commands."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import click

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.text import cell_width, cut, padded, visible

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec

MAX_NAME = 80
"""Most characters of the name of a sender."""
PROJECTOR = "tui_trainer.projector"
"""Key of the option --projector in the context of a command."""


SENDER = "tui_trainer.sender"
"""Key of the options --as and --kind in the context of a command."""
KINDS = ("person", "script", "agent")


def _keep_sender(context: click.Context, parameter: click.Parameter, given: str | None) -> None:
    if given is not None:
        context.meta.setdefault(SENDER, {})[parameter.name] = given


def sender_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --as and --kind, which `sender_given` reads: commands need not pass them on."""
    for option in (
        click.option(
            "--kind",
            "sender_kind",
            type=click.Choice(KINDS),
            envvar="TUI_TRAINER_KIND",
            expose_value=False,
            callback=_keep_sender,
            help="Kind of this sender, which its permissions depend on.",
        ),
        click.option(
            "--as",
            "sender_name",
            metavar="NAME",
            envvar="TUI_TRAINER_AS",
            expose_value=False,
            callback=_keep_sender,
            help="Name of this sender, kept with its commands  [default: user@host (terminal)]",
        ),
    ):
        command = option(command)
    return command


allow_option = click.option(
    "--allow",
    metavar="RULE",
    multiple=True,
    help="What a kind of sender may do: agent=set-lr,pause or agent.factor=3; may be repeated.",
)


def sender_given() -> tuple[str, str]:
    """Return name and kind of the sender as options and environment give them; empty where they do not.

    Raises:
        UserError: the name is too long, or the kind is none.
    """
    context = click.get_current_context(silent=True)
    given = context.meta.get(SENDER, {}) if context is not None else {}
    name = given.get("sender_name") or os.environ.get("TUI_TRAINER_AS", "")
    kind = given.get("sender_kind") or os.environ.get("TUI_TRAINER_KIND", "")
    name = visible(" ".join(name.split()))
    if len(name) > MAX_NAME:
        raise UserError(f"--as: a name has at most {MAX_NAME} characters, not {len(name)}")
    if kind and kind not in KINDS:
        raise UserError(f"TUI_TRAINER_KIND: {kind!r} is no kind of sender; {did_you_mean(kind, KINDS)}")
    return name, kind


def _keep_projector(context: click.Context, _: click.Parameter, given: bool) -> None:
    context.meta[PROJECTOR] = given


runs_dir_option = click.option(
    "--runs-dir", metavar="DIR", help="Runs directory  [default: $TUI_TRAINER_RUNS or ./runs]"
)
processes_option = click.option(
    "--processes",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train with N processes on this machine, each on its share of a batch.",
)
trust_option = click.option("--trust", is_flag=True, help="Allow the preset to import and run user code.")
max_kbps_option = click.option(
    "--max-kbps",
    type=click.FloatRange(min=0),
    metavar="N",
    help="Limit the output to a slow terminal to N kB/s; 0: no limit.",
)
projector_option = click.option(
    "--projector",
    is_flag=True,
    expose_value=False,
    callback=_keep_projector,
    help="Draw for a projector: thick lines with names, short remarks, no keys.",
)
"""An option that `projector_given` reads: commands need not pass it on."""
force_option = click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
remote_command_option = click.option(
    "--remote-command",
    metavar="COMMAND",
    help="For HOST:RUN: the program there, as its shell starts it  [default: tui-trainer]",
)
map_option = click.option(
    "--map",
    "told",
    metavar="ROLE=COLUMN",
    multiple=True,
    help="For logs of other programs: which column is step, epoch, seconds, train_loss, val_loss or lr.",
)
mirror_option = click.option(
    "--mirror",
    type=click.Choice(["tensorboard", "csv", "jsonl"]),
    multiple=True,
    help="Write this file into the run folder too, while it trains; may be repeated.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")


@contextlib.contextmanager
def output_file(path: Path, named: str, *, force: bool) -> Generator[TextIO]:
    """Open a text file that the user named for writing, as `binary_output` does."""
    with binary_output(path, named, force=force) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        yield text


@contextlib.contextmanager
def binary_output(path: Path, named: str, *, force: bool) -> Generator[BinaryIO]:
    """Open a file that the user named for writing. It appears whole, or not at all: it is written beside its place.

    Raises:
        UserError: the file exists and `force` is not given. A device or a pipe is no file that could be lost.
    """
    if path.exists() and not path.is_file():
        with open(path, "wb") as file:
            yield file
        return
    check_output_file(path, named, force=force)
    path = path.resolve() if force else path
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
        if force or not _linked(temporary, path, named):
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _linked(temporary: Path, path: Path, named: str) -> bool:
    """Give a file its name without replacing another. Returns False where the file system has no links."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise file_exists(named) from None
    except OSError:
        check_output_file(path, named, force=False)
        return False
    return True


def check_output_file(path: Path, named: str, *, force: bool) -> None:
    """Raise `UserError` for a file that `output_file` would refuse, before the work for it is done."""
    if not force and (path.is_file() or path.is_symlink()):
        raise file_exists(named)


def file_exists(named: str) -> UserError:
    """Return the error for a file that would be overwritten."""
    return UserError(f"{named} exists and was not changed: add --force to overwrite it, or name another file")


def print_json(value: object) -> None:
    """Print one JSON document on stdout, in ASCII only, so that no text in it can control a terminal.

    Raises:
        ValueError: a number is NaN or infinite; callers give None instead.
    """
    click.echo(json_text(value))


def json_text(value: object, indent: int | None = 2) -> str:
    """Return a value as `print_json` prints it."""
    return json.dumps(value, indent=indent, allow_nan=False).replace("\x7f", "\\u007f")


def print_table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> None:
    """Print aligned columns on stdout, cut at the width of the terminal. Control characters are replaced."""
    lines = [list(header), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(cell_width(row[column]) for row in lines) for column in range(len(header))]
    limit = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for row in lines:
        line = "  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(line if limit is None else cut(line, limit))


def print_differences(spec: HostSpec) -> None:
    """Print on stderr how this machine differs from the one that trained the runs of `spec` so far."""
    from tui_trainer.runs.comparing.environment_diff import differences

    for difference in differences(Path(spec.runs[0].path)):
        click.echo(visible(f"note: {difference}; results may differ in their last bits"), err=True)


def projector_given() -> bool:
    """Return whether the command that runs was given --projector."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(PROJECTOR))


def on_terminal() -> bool:
    """Return whether stdin and stdout are terminals."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty()
    except (AttributeError, ValueError):
        return False
