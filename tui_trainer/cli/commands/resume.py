"""`tui-trainer resume`: continue a run from its last checkpoint, bit for bit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.on_event import on_event_option, parse_on_event
from tui_trainer.cli.once import once_options
from tui_trainer.cli.open_screen import check_terminal, launch_and_show
from tui_trainer.cli.options import (
    on_terminal,
    print_differences,
    processes_option,
    runs_dir_option,
    sender_options,
    trust_option,
)
from tui_trainer.cli.processes.count import with_processes
from tui_trainer.cli.processes.rank import train_rank
from tui_trainer.distributed.environment import world_size
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.ui.printing.request import ScreenRequest


@click.command(
    epilog="""\b
Examples:
  tui-trainer resume last
  tui-trainer resume 2026-11-23_140312 --epochs 80 --headless"""
)
@click.argument("run", metavar="RUN")
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="New total number of epochs.")
@click.option("--patience", type=click.IntRange(min=1), metavar="N", help="New patience of early stopping, in epochs.")
@click.option("--headless", is_flag=True, help="Train without a screen; print one line per epoch.")
@click.option("--detach", is_flag=True, help="Train in the background and return; `attach` shows the run later.")
@click.option("--data-changed", is_flag=True, help="Go on although the data have changed since; the split is new.")
@processes_option
@on_event_option
@trust_option
@sender_options
@runs_dir_option
@once_options(RUN_SCREENS)
def command(
    run: str,
    epochs: int | None,
    patience: int | None,
    headless: bool,
    detach: bool,
    data_changed: bool,
    processes: int | None,
    on_event: str | None,
    trust: bool,
    runs_dir: str | None,
    once: ScreenRequest | None,
) -> int:
    """Continue RUN from its last checkpoint. On the same machine the curves are identical to those of a run without a
    break.

    Data that have changed since, or settings of the data that were changed in its run.toml, are refused: --data-changed
    allows the former as long as an epoch has as many steps as before.

    --once continues it in the background, and prints the screen once it trains.
    """
    if world_size() > 1:
        return train_rank(processes, lambda: _spec(run, epochs, patience, data_changed, on_event, trust, runs_dir))
    if once is not None and (headless or detach):
        raise click.UsageError("use only one of --once, --headless and --detach")
    spec = with_processes(_spec(run, epochs, patience, data_changed, on_event, trust, runs_dir), processes)
    if once is not None:
        return launch_and_show(lambda: spec, once=once)
    if headless or not (detach or on_terminal()):
        from tui_trainer.cli.headless import train

        return train(spec)
    if detach:
        from tui_trainer.cli.launch_detached import launch_detached

        return launch_detached(spec)
    check_terminal()
    return launch_and_show(lambda: spec)


def _spec(
    run: str,
    epochs: int | None,
    patience: int | None,
    data_changed: bool,
    on_event: str | None,
    trust: bool,
    runs_dir: str | None,
) -> HostSpec:
    """Return the spec that continues the run, after printing what is different here."""
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.session.resume import resume_spec

    event_command = parse_on_event(on_event)
    infos = find_runs(run, directory(runs_dir))
    command_line = ["tui-trainer", *sys.argv[1:]]
    spec = resume_spec(
        infos, epochs=epochs, patience=patience, command=command_line, trust=trust, data_changed=data_changed
    )
    print_differences(spec)
    return spec.model_copy(update={"on_event": event_command})
