"""The entry point of the command line. Each command is a module, imported when the command runs."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tui_trainer import __version__
from tui_trainer.cli.once import once_options
from tui_trainer.cli.options import runs_dir_option
from tui_trainer.errors import UserError, nearest
from tui_trainer.text import visible
from tui_trainer.ui.printing.request import LIST_SCREENS

if TYPE_CHECKING:
    from tui_trainer.ui.printing.request import ScreenRequest


class _Entry(NamedTuple):
    module: str
    help: str


_COMMANDS = {
    "run": _Entry("run", "Train a preset, a TOML file, or an earlier run's configuration."),
    "attach": _Entry("attach", "Show a live run and control it."),
    "watch": _Entry("watch", "Run a training script that is not edited, and watch and control it."),
    "resume": _Entry("resume", "Continue a run from its last checkpoint."),
    "replay": _Entry("replay", "Train a run again, interventions included, and compare."),
    "bake": _Entry("bake", "Write a run as a preset that repeats it, interventions included."),
    "compare": _Entry("compare", "Compare runs: metrics, settings, interventions."),
    "open": _Entry("open", "Show finished runs."),
    "send": _Entry("send", "Send a command to a live run from a script."),
    "find-lr": _Entry("find_lr", "Try growing learning rates on a preset or a run, and mark the useful ones."),
    "runs": _Entry("runs", "List live and finished runs."),
    "queue": _Entry("queue", "Train one run after another."),
    "presets": _Entry("presets", "List the presets, or print one."),
    "diagnose": _Entry("diagnose", "List likely problems in a run's curves, with evidence."),
    "export": _Entry("export", "Write a run's curves to a file."),
    "lecture": _Entry("lecture", "Show the lecture, or check its claims."),
    "serve": _Entry("serve", "Show the screen in a browser on this machine."),
    "mcp": _Entry("mcp", "Serve the runs to an agent, over the Model Context Protocol."),
    "drill": _Entry("drill", "Open a rescue drill: a sick run to name the cause of and to cure."),
    "doctor": _Entry("doctor", "Check torch, devices, terminal and directories."),
    "bridge": _Entry("bridge", "Connect a viewer on another machine to a live run."),
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
    """The commands by name, each imported only when it runs (the lazy-loading recipe of click's documentation)."""

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
            hint = f"; did you mean {match!r}?" if match else "; `tui-trainer --help` lists all commands"
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
@runs_dir_option
@once_options(LIST_SCREENS)
@click.pass_context
def cli(ctx: click.Context, once: ScreenRequest | None, runs_dir: str | None) -> None:
    """A terminal UI for training PyTorch models: live charts, and keys to change the learning rate, schedule or
    optimizer while it runs.

    Without a command, the home screen opens with presets, live runs and finished runs.
    """
    if runs_dir:  # before a command it stands for every command that is started from here
        os.environ["TUI_TRAINER_RUNS"] = runs_dir
    if ctx.invoked_subcommand is None:
        from tui_trainer.cli.open_home import open_home

        ctx.exit(open_home(once))
    if once is not None:
        raise click.UsageError(f"write --once after the command: `{ctx.invoked_subcommand} ... --once`", ctx)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, 1 (failed), 2 (bad input), 130 (interrupted)."""
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
        return _print_error(str(error), error.exit_code)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        hint = f" (try `{error.ctx.command_path} --help`)" if error.ctx is not None else ""
        return _print_error(f"{error.format_message()}{hint}", 2)
    except click.ClickException as error:
        return _print_error(error.format_message(), 2)
    except (KeyboardInterrupt, click.exceptions.Abort):
        return 130
    except _OutputClosed as error:
        return _stop_printing(error.__cause__, 0)
    except OSError as error:
        if error.filename is not None:
            return _print_error(f"{error.filename}: {error.strerror or error}", 2)
        check = _working_directory_is_gone()
        return _print_error(check, 2) if check else _stop_printing(error, 1)


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
    return _print_error(f"standard output: {reason}", code or 1)


def _open_descriptors() -> None:
    """Open closed standard streams on /dev/null.

    Otherwise the next opened file would get descriptor 0, 1 or 2, and output would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free descriptor, which is `number`
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115 - stays open


def _print_error(message: str, code: int) -> int:
    """Print one line on stderr and return the exit code."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"tui-trainer: {visible(message)}\n")
    return code
