"""The command line. Each command is a module that is imported when it runs, and imports what it needs then."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Generator
from typing import Any, NamedTuple

import click

from tui_trainer import __version__
from tui_trainer.errors import UserError, nearest
from tui_trainer.text import visible


class _Entry(NamedTuple):
    module: str
    help: str


_COMMANDS = {
    "run": _Entry("run", "Train a preset, a file, or a run again."),
    "attach": _Entry("attach", "Watch and steer a live run."),
    "resume": _Entry("resume", "Go on from a run's last checkpoint."),
    "replay": _Entry("replay", "Train again, interventions included, and compare."),
    "compare": _Entry("compare", "Put runs side by side: metrics, settings, interventions."),
    "open": _Entry("open", "Look at finished runs."),
    "send": _Entry("send", "Steer a live run from a script."),
    "runs": _Entry("runs", "List what is live and what is finished."),
    "presets": _Entry("presets", "List what there is to run."),
    "diagnose": _Entry("diagnose", "Say what a run's curves show, with the evidence."),
    "export": _Entry("export", "Write a run's curves to another format."),
    "lecture": _Entry("lecture", "Run the lecture, row by row, and check its numbers."),
    "doctor": _Entry("doctor", "Say what works here, and what to do about the rest."),
    "bridge": _Entry("bridge", "Speak a live run's protocol on stdin and stdout."),
}
_HIDDEN = {"bridge"}


class _OutputClosed(Exception):
    """The reader of our output has seen enough. Not an `OSError`: click turns a broken pipe into exit code 1."""


@contextlib.contextmanager
def _pipes() -> Generator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise _OutputClosed from error


class _Commands(click.Group):
    """Commands by name, imported one at a time: help must not wait for what it only names."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        with _pipes():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _pipes():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in _COMMANDS if name not in _HIDDEN]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = importlib.import_module(f"tui_trainer.cli.commands.{entry.module}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            match = nearest(args[0], self.list_commands(ctx))
            hint = f"; did you mean {match!r}?" if match else "; `tui-trainer --help` lists them"
            raise click.UsageError(f"no command {visible(args[0])!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name].help) for name in self.list_commands(ctx)])


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: tui-trainer run digits-mlp optimizer.lr=0.01",
)
@click.version_option(__version__, message="tui-trainer %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Train torch models from the terminal with your hands on the wheel.

    Without a command: the home screen, with presets, live runs and finished ones.
    """
    if ctx.invoked_subcommand is None:
        from tui_trainer.cli.open_home import home

        ctx.exit(home())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0, 1 (failed), 2 (bad input), 130 (interrupted)."""
    _open_descriptors()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        return _stop_printing(error, code)
    return code


def _run(arguments: list[str] | None) -> int:
    try:
        code = cli.main(args=arguments, prog_name="tui-trainer", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except UserError as error:
        return _complain(str(error), error.exit_code)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        hint = f" (try `{error.ctx.command_path} --help`)" if error.ctx is not None else ""
        return _complain(f"{error.format_message()}{hint}", 2)
    except click.ClickException as error:
        return _complain(error.format_message(), 2)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return 130
    except _OutputClosed as error:
        return _stop_printing(error.__cause__, 0)
    except OSError as error:
        if error.filename is not None:
            return _complain(f"{error.filename}: {error.strerror or error}", 2)
        check = _working_directory_is_gone()
        return _complain(check, 2) if check else _stop_printing(error, 1)


def _working_directory_is_gone() -> str:
    try:
        os.getcwd()
    except OSError:
        return "the working directory is gone; change to a directory that exists"
    return ""


def _stop_printing(error: BaseException | None, code: int) -> int:
    """Give the interpreter nothing to complain about at exit. Returns the exit code: a reader may stop at any time."""
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
    if isinstance(error, BrokenPipeError):
        return code
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return _complain(f"standard output: {reason}", code or 1)


def _open_descriptors() -> None:
    """Have descriptors 0 to 2 lead somewhere: the next file would take the place of a closed one, and its output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - for good


def _complain(message: str, code: int) -> int:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"tui-trainer: {visible(message)}\n")
    return code
