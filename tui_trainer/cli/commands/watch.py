"""`tui-trainer watch`: run a script that is not edited, and show, read and steer it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.options import (
    allow_option,
    max_kbps_option,
    mirror_option,
    on_terminal,
    runs_dir_option,
    sender_options,
)

if TYPE_CHECKING:
    from tui_trainer.session.launch import Launched
    from tui_trainer.watching.spec import WatchSpec


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="""\b
Examples:
  tui-trainer watch -- python train.py --epochs 3
  tui-trainer watch --metric 'loss=obj ([0-9.e+-]+)' -- ./train.sh
  tui-trainer watch --headless --name night -- torchrun train.py""",
)
@click.argument("script", metavar="-- COMMAND [ARGUMENT ...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME=REGEX",
    help="Read a number from the output; the first group of the expression is the number. May be repeated.",
)
@click.option("--name", metavar="NAME", help="Name of the run directory; by default date, time and script.")
@click.option("--headless", is_flag=True, help="Watch without a screen; print the output of the script.")
@click.option("--detach", is_flag=True, help="Watch in the background and return; `attach` shows the run later.")
@allow_option
@click.option(
    "--guard",
    "guards",
    multiple=True,
    metavar="RULE",
    help='Apply a rule while it trains: --guard "when grad_norm is not finite: skip the step". May be repeated.',
)
@mirror_option
@max_kbps_option
@sender_options
@runs_dir_option
def command(
    script: tuple[str, ...],
    metrics: tuple[str, ...],
    name: str | None,
    headless: bool,
    detach: bool,
    allow: tuple[str, ...],
    guards: tuple[str, ...],
    mirror: tuple[str, ...],
    max_kbps: float | None,
    runs_dir: str | None,
) -> int:
    """Run a training script that is not edited, and watch and control it.

    The script gets a terminal of its own, and no standard input. Where a Python process of it takes a step of an
    optimizer of torch, or of Keras on torch, steps, rates and gradient norms are recorded, and pause, step, stop,
    learning rate, schedule and clipping are obeyed after a step. Losses and metrics are read from its output: tqdm,
    Lightning, Keras and Hugging Face lines, plain text such as `loss: 0.5`, and --metric. Other programs, containers
    and `python -I` are read only.

    Without lines in the script, nothing knows how it validates, its data, or its knobs: `Monitor` does. The exit code
    is that of the script, 128 and the number of a signal that killed it.
    """
    from tui_trainer.watching.spec import make_spec

    if headless and detach:
        raise click.UsageError("--headless and --detach exclude each other")
    if allow:
        from tui_trainer.protocol.wheel.given import VARIABLE, parse_allow

        parse_allow(allow, "--allow")
        os.environ[VARIABLE] = ";".join(allow)  # the script's own process takes it from there
    spec = make_spec(script, name, metrics, runs_dir, mirror, guards)
    if headless or (not detach and not on_terminal()):
        from tui_trainer.cli.watch_headless import watch_headless

        return watch_headless(spec)
    if detach:
        launched = _launch(spec)
        click.echo(spec.name)
        click.echo(f"watching in the background; `tui-trainer attach {launched.names[0]}` shows it", err=True)
        return 0
    return _show(spec, max_kbps)


def _launch(spec: WatchSpec) -> Launched:
    from tui_trainer.watching.launch import launch

    return launch(spec)


def _show(spec: WatchSpec, max_kbps: float | None) -> int:
    """Open the screen on the script. A screen that is hung up or ended by a signal ends the script too."""
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.session.base import Session
    from tui_trainer.watching.launch import end

    check_terminal()
    started: list[Launched] = []

    def open_session() -> Session:
        started.append(_launch(spec))
        return started[0].session()

    code = show(open_session, max_kbps=max_kbps)
    if started and code > 128 and started[0].alive():
        end(started[0])
    return code
