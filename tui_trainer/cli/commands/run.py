"""`tui-trainer run`: train, with the screen open, in the background, or as plain lines."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.forked_call import ForkedCall
from tui_trainer.cli.options import max_kbps_option, on_terminal, runs_dir_option, say_differences, trust_option
from tui_trainer.config.preset_library import find
from tui_trainer.config.toml import read_toml

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.session.socket_session import ClientSession


@click.command(
    epilog="""\b
Examples:
  tui-trainer run digits-mlp
  tui-trainer run digits-mlp optimizer.lr=0.01 scheduler.kind=one-cycle --headless
  tui-trainer run runs/2026-11-23_140312_digits-mlp_7f3a/run.toml"""
)
@click.argument("preset", metavar="PRESET|FILE.toml|RUN/run.toml", default="digits-mlp")
@click.argument("overrides", metavar="[KEY=VALUE ...]", nargs=-1)
@click.option("--headless", is_flag=True, help="No screen: one plain line per epoch.")
@click.option("--detach", is_flag=True, help="Start in the background; `attach` joins later.")
@click.option("--in-process", is_flag=True, help="Train in this process, for debuggers.")
@max_kbps_option
@runs_dir_option
@click.option("--name", metavar="NAME", help="Name of the run's folder.")
@click.option("--device", metavar="auto|cpu|cuda[:N]|mps", help="Where to train.")
@click.option("--seed", type=int, metavar="N", help="What everything random is drawn from.")
@trust_option
@click.option("--resume-if-exists", is_flag=True, help="Go on where a run of this --name is there already.")
@click.option("--requeue-signal", metavar="SIGNAL", help="Save and end on this signal (USR1), for batch systems.")
@click.option("--requeue-code", type=click.IntRange(0, 125), default=0, help="Exit code after that signal.")
def command(
    preset: str,
    overrides: tuple[str, ...],
    headless: bool,
    detach: bool,
    in_process: bool,
    max_kbps: float | None,
    runs_dir: str | None,
    name: str | None,
    device: str | None,
    seed: int | None,
    trust: bool,
    resume_if_exists: bool,
    requeue_signal: str | None,
    requeue_code: int,
) -> int:
    """Train PRESET (digits-mlp where none is given), a file, or a run again, KEY=VALUE changed.

    Without a terminal (a pipe, CI, cron) this is --headless.
    """
    if sum((headless, detach, in_process)) > 1:
        raise click.UsageError("--headless, --detach and --in-process exclude each other")
    if resume_if_exists and name is None:
        raise click.UsageError("--resume-if-exists needs the --name of the run")
    plain = headless or not (detach or on_terminal())
    if not plain and not detach:
        _refuse_bad_terminal()
    changes = [*overrides]
    changes += [f'training.device="{device}"'] if device is not None else []
    changes += [f"training.seed={seed}"] if seed is not None else []
    code = _signal_name(requeue_signal) if requeue_signal is not None else ""
    wanted = partial(_spec, preset, changes, runs_dir, name, resume_if_exists, trust, code, requeue_code)
    if plain or in_process or detach:
        spec = wanted()
        return _say_complete(name) if spec is None else _start(spec, plain=plain, detach=detach, max_kbps=max_kbps)

    def checked() -> bytes:
        spec = wanted()
        return b"null" if spec is None else spec.model_dump_json().encode()

    if not resume_if_exists:
        read_toml(find(preset))  # what is no preset is said before a screen
    checking = ForkedCall(checked)
    from tui_trainer.cli.open_screen import show
    from tui_trainer.session.launch import launch_line

    importlib.import_module("tui_trainer.ui.app")  # all of Textual, while the other process checks

    def session() -> ClientSession:
        return launch_line(checking.result()).session()

    if not (resume_if_exists or checking.ended):
        # The first frame does not wait for the models: what they refuse closes the screen, and is said after it.
        return show(session, max_kbps=max_kbps)
    found = checking.result()
    return _say_complete(name) if found == b"null" else show(lambda: launch_line(found).session(), max_kbps=max_kbps)


def _say_complete(name: str | None) -> int:
    click.echo(f"run {name!r} is complete: nothing is left to train", err=True)
    return 0


def _start(spec: HostSpec, *, plain: bool, detach: bool, max_kbps: float | None) -> int:
    """Train as plain lines, in the background, or in this process."""
    if plain:
        from tui_trainer.cli.headless import train

        return train(spec)
    if detach:
        from tui_trainer.cli.launch_detached import wait_until_training
        from tui_trainer.session.launch import launch

        return wait_until_training(launch(spec))
    from tui_trainer.cli.open_screen import show_in_process

    return show_in_process(spec, max_kbps)


def _spec(
    preset: str,
    changes: list[str],
    runs_dir: str | None,
    name: str | None,
    resume_if_exists: bool,
    trust: bool,
    requeue_signal: str,
    requeue_code: int,
) -> HostSpec | None:
    """What to start; None where a run of that name is complete."""
    from tui_trainer.config.preset import load
    from tui_trainer.host.spec import host_spec
    from tui_trainer.paths import checked_name
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.run_dir import name_is_taken
    from tui_trainer.session.resume import resume_spec

    command = ["tui-trainer", *sys.argv[1:]]
    if resume_if_exists and name is not None and name_is_taken(directory(runs_dir) / checked_name(name, "--name")):
        infos = find_runs(str(directory(runs_dir) / name), directory(runs_dir))
        left = [info for info in infos if info.reason not in ("completed", "early-stopped")]
        if not left:
            return None
        spec = resume_spec(left, epochs=None, patience=None, command=command, trust=trust)
        say_differences(spec)
    else:
        spec = host_spec(load(preset, changes), runs_dir, name, command, trust=trust)
    return spec.model_copy(update={"requeue_signal": requeue_signal, "requeue_code": requeue_code})


def _signal_name(text: str) -> str:
    """SIGUSR1 for USR1, SIGUSR1 or its number."""
    import signal

    from tui_trainer.errors import UserError

    wanted = text.upper().removeprefix("SIG")
    for known in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU):
        if wanted in (known.name.removeprefix("SIG"), str(known.value)):
            return known.name
    raise UserError(f"--requeue-signal {text!r}: one of USR1, USR2, TERM, HUP, ALRM, XCPU")


def _refuse_bad_terminal() -> None:
    from tui_trainer.errors import UserError
    from tui_trainer.ui.terminal.terminal_check import terminal_problem

    problem = terminal_problem()
    if problem is not None:
        raise UserError(problem)
