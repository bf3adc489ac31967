"""`tui-trainer run`: train on the screen, in the background, or with plain lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.on_event import on_event_option, parse_on_event
from tui_trainer.cli.once import once_options
from tui_trainer.cli.open_screen import check_terminal, launch_and_show, show_in_process
from tui_trainer.cli.options import (
    allow_option,
    max_kbps_option,
    mirror_option,
    on_terminal,
    print_differences,
    processes_option,
    projector_option,
    runs_dir_option,
    sender_options,
    trust_option,
)
from tui_trainer.cli.processes.count import with_processes
from tui_trainer.cli.processes.rank import train_rank
from tui_trainer.config.preset_library import find
from tui_trainer.config.toml import read_toml
from tui_trainer.distributed.environment import world_size
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.config.preset import Preset
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.ui.printing.request import ScreenRequest


@click.command(
    epilog="""\b
Examples:
  tui-trainer run digits-mlp
  tui-trainer run digits-mlp optimizer.lr=0.01 scheduler.kind=one-cycle --headless
  tui-trainer run runs/2026-11-23_140312_digits-mlp_7f3a/run.toml"""
)
@click.argument("preset", metavar="PRESET|FILE.toml|RUN/run.toml", default="digits-mlp")
@click.argument("overrides", metavar="[KEY=VALUE ...]", nargs=-1)
@click.option("--headless", is_flag=True, help="Train without a screen; print one line per epoch.")
@click.option("--detach", is_flag=True, help="Train in the background and return; `attach` shows the run later.")
@click.option("--in-process", is_flag=True, help="Train inside the viewer's process, for debuggers.")
@max_kbps_option
@projector_option
@sender_options
@runs_dir_option
@click.option("--name", metavar="NAME", help="Name of the run directory; by default date, time and preset.")
@click.option("--device", metavar="auto|cpu|cuda[:N]|mps", help="Device to train on (training.device).")
@click.option("--seed", type=int, metavar="N", help="Seed of all random numbers (training.seed).")
@click.option(
    "--seeds", metavar="N|A,B,...", help="Train runs that differ only in their seed: 5 for 0 to 4, or a list as 0,3,7."
)
@click.option(
    "--guard",
    "guards",
    metavar="RULE",
    multiple=True,
    help='Apply a rule while it trains: --guard "when val_loss rises 3 epochs: lr x0.5". May be repeated.',
)
@processes_option
@trust_option
@click.option("--resume-if-exists", is_flag=True, help="Resume the run of this --name if there is one.")
@click.option(
    "--requeue-signal", metavar="SIGNAL", help="Save and exit on this signal (for example USR1), for batch systems."
)
@click.option(
    "--requeue-code",
    type=click.IntRange(0, 125),
    default=0,
    show_default=True,
    metavar="N",
    help="Exit code after --requeue-signal.",
)
@once_options(RUN_SCREENS)
@allow_option
@mirror_option
@on_event_option
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
    seeds: str | None,
    guards: tuple[str, ...],
    processes: int | None,
    trust: bool,
    resume_if_exists: bool,
    requeue_signal: str | None,
    requeue_code: int,
    once: ScreenRequest | None,
    allow: tuple[str, ...],
    mirror: tuple[str, ...],
    on_event: str | None,
) -> int:
    """Train a preset (digits-mlp by default), a TOML file, or the configuration of an earlier run.

    KEY=VALUE changes one setting, for example optimizer.lr=0.01. Without a terminal (a pipe, CI, cron) the run is
    headless.

    --once trains in the background like --detach, and prints the screen once the run has begun.
    """
    if sum((headless, detach, in_process, once is not None)) > 1:
        raise click.UsageError("use only one of --headless, --detach, --in-process and --once")
    if resume_if_exists and name is None:
        raise click.UsageError("--resume-if-exists needs --name NAME")
    if seed is not None and seeds is not None:
        raise click.UsageError("use only one of --seed and --seeds")
    headless = headless or not (detach or on_terminal() or once is not None)
    if not (headless or detach or once is not None or world_size() > 1):
        check_terminal()
    from tui_trainer.config.permissions.allow import as_overrides

    changes = [*overrides]
    changes += [f'training.device="{device}"'] if device is not None else []
    changes += [f"training.seed={seed}"] if seed is not None else []
    changes += as_overrides(allow)
    further: dict[str, object] = {
        "on_event": parse_on_event(on_event),
        "mirror": mirror,
        "requeue_signal": _signal_name(requeue_signal) if requeue_signal is not None else "",
        "requeue_code": requeue_code,
    }

    def new_spec() -> HostSpec:
        spec = _new_spec(preset, changes, runs_dir, name, trust, seeds, guards).model_copy(update=further)
        return with_processes(spec, processes)

    if guards:
        from tui_trainer.guards.grammar import parse_rule

        for rule in guards:
            parse_rule(rule)  # a mistake is reported without opening the screen
    if world_size() > 1:
        return train_rank(processes, lambda: _spec_of_rank(new_spec, further, name, runs_dir, trust, resume_if_exists))
    if name is not None and resume_if_exists and _exists(name, runs_dir):
        spec = _resume_spec(name, runs_dir, trust)
        if spec is None:
            click.echo(f"run {name!r} is complete; there is nothing to resume", err=True)
            return 0
        spec = with_processes(spec.model_copy(update=further), processes)
    elif headless or detach or in_process:
        spec = new_spec()
    else:
        read_toml(find(preset))  # a missing or malformed file is reported without opening the screen
        return launch_and_show(new_spec, max_kbps=max_kbps, once=once)
    if headless:
        from tui_trainer.cli.headless import train

        return train(spec)
    if detach:
        from tui_trainer.cli.launch_detached import launch_detached

        return launch_detached(spec)
    if in_process:
        return show_in_process(spec, max_kbps)
    return launch_and_show(lambda: spec, max_kbps=max_kbps, once=once)


def _new_spec(
    preset: str,
    changes: Sequence[str],
    runs_dir: str | None,
    name: str | None,
    trust: bool,
    seeds: str | None,
    guards: Sequence[str],
) -> HostSpec:
    """Validate the preset with its changes and return the spec of a new run."""
    from tui_trainer.config.guards.added import with_guards
    from tui_trainer.config.preset import load
    from tui_trainer.config.seeds import parse_seeds, with_seeds
    from tui_trainer.host.spec import host_spec

    loaded = _with_settings(load(preset, changes))
    if seeds is not None:
        loaded = with_seeds(loaded, parse_seeds(seeds))
    loaded = with_guards(loaded, guards)
    return host_spec(loaded, runs_dir, name, ["tui-trainer", *sys.argv[1:]], trust=trust)


def _spec_of_rank(
    new_spec: Callable[[], HostSpec],
    further: Mapping[str, object],
    name: str | None,
    runs_dir: str | None,
    trust: bool,
    resume_if_exists: bool,
) -> HostSpec | None:
    """Return the spec of a run that another launcher has started; None where there is nothing left to train."""
    if name is None or not resume_if_exists or not _exists(name, runs_dir):
        return new_spec()
    spec = _resume_spec(name, runs_dir, trust)
    return spec.model_copy(update=dict(further)) if spec is not None else None


def _with_settings(preset: Preset) -> Preset:
    """Return the preset with the permissions of the user's settings, for the kinds of senders that it leaves out."""
    from tui_trainer.config.permissions.allow import Allow
    from tui_trainer.ui.settings import load_settings

    table = load_settings().allow
    if not table:
        return preset
    base = Allow.model_validate(table)
    runs = {name: config.model_copy(update={"allow": config.allow.over(base)}) for name, config in preset.runs.items()}
    return replace(preset, runs=runs)


def _exists(name: str, runs_dir: str | None) -> bool:
    """Return whether the runs directory holds a run or a group of this name."""
    from tui_trainer.paths import checked_name
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.run_dir import name_is_taken

    return name_is_taken(directory(runs_dir) / checked_name(name, "--name"))


def _resume_spec(name: str, runs_dir: str | None, trust: bool) -> HostSpec | None:
    """Return the spec that resumes the unfinished runs of this name; None if all are complete."""
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.session.resume import resume_spec

    infos = find_runs(str(directory(runs_dir) / name), directory(runs_dir))
    unfinished = [info for info in infos if info.reason not in ("completed", "early-stopped")]
    if not unfinished:
        return None
    command = ["tui-trainer", *sys.argv[1:]]
    spec = resume_spec(unfinished, epochs=None, patience=None, command=command, trust=trust)
    print_differences(spec)
    return spec


def _signal_name(text: str) -> str:
    """Return SIGUSR1 for `USR1`, `SIGUSR1` or its number."""
    import signal

    from tui_trainer.errors import UserError

    requested = text.upper().removeprefix("SIG")
    for known in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU):
        if requested in (known.name.removeprefix("SIG"), str(known.value)):
            return known.name
    raise UserError(f"--requeue-signal {text!r}: use USR1, USR2, TERM, HUP, ALRM or XCPU")
