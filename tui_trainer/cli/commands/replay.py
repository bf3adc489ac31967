"""`tui-trainer replay`: train a run again with its interventions and compare the curves."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.cli.once import once_options
from tui_trainer.cli.options import on_terminal, runs_dir_option, trust_option
from tui_trainer.errors import UserError
from tui_trainer.text import visible
from tui_trainer.ui.printing.request import RUN_SCREENS

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.ui.printing.request import ScreenRequest


@click.command(epilog="Example: tui-trainer replay last --headless")
@click.argument("run", metavar="RUN")
@click.option("--headless", is_flag=True, help="Train without a screen; print one line per epoch.")
@trust_option
@runs_dir_option
@once_options(RUN_SCREENS)
def command(run: str, headless: bool, trust: bool, runs_dir: str | None, once: ScreenRequest | None) -> int:
    """Train RUN again from its configuration, with every intervention at its step, and compare every number.

    Prints "identical over N steps", or the first step and metric that differ, with exit code 1. If a change of the
    program since RUN was recorded explains it, or the data have changed, it says so. For a group it reports on each
    run. --once trains without a screen, and prints the screen of both at the end. Of a run that a training script made,
    the script is started again, without a screen.
    """
    if once is not None and headless:
        raise click.UsageError("use only one of --once and --headless")
    from tui_trainer.cli.start_script import compare_scripts, replay_script, script_of
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.comparing.environment_diff import differences
    from tui_trainer.runs.history import read_history
    from tui_trainer.session.replay import compare_replay, replay_spec

    infos = find_runs(run, directory(runs_dir))
    try:
        originals = [(info, read_history(Path(info.path) / "events.jsonl")) for info in infos]
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if len(originals) == 1 and script_of(Path(infos[0].path)) is not None:
        replay = replay_script(infos[0], originals[0][1], runs_dir, trust=trust)
        same, lines = compare_scripts(originals[0][1], replay)
        for line in lines:
            click.echo(visible(line))
        return 0 if same else 1
    if len(originals) > 1:  # in a group killed early, some runs may have no step to compare
        originals = [pair for pair in originals if pair[0].live or pair[1].last_step] or originals[:1]
    spec = replay_spec(originals, runs_dir, ["tui-trainer", *sys.argv[1:]], trust=trust)
    for difference in dict.fromkeys(text for info, _ in originals for text in differences(Path(info.path))):
        click.echo(visible(f"note: {difference}; results may differ in their last bits"), err=True)
    if once is not None:
        _train_and_print(spec, [Path(info.path) for info, _ in originals], once)
    elif headless or not on_terminal():
        from tui_trainer.cli.headless import train

        train(spec)
    else:
        from tui_trainer.cli.open_screen import check_terminal, show
        from tui_trainer.session.finished_run import JournalSession
        from tui_trainer.session.launch import launch
        from tui_trainer.session.multi import MultiSession

        check_terminal()
        show(MultiSession([launch(spec).session(), *(JournalSession(Path(info.path)) for info, _ in originals)]))
    verdicts = [
        compare_replay(history, Path(info.path), Path(replay.path))
        for (info, history), replay in zip(originals, spec.runs, strict=True)
    ]
    identical = [same for same, _ in verdicts]
    if len(infos) == 1:
        for line in verdicts[0][1]:
            click.echo(visible(line))
        return 0 if identical[0] else 1
    for (info, _), (_, lines) in zip(originals, verdicts, strict=True):
        for line in lines:
            click.echo(visible(f"{info.name}: {line}"))
    for info in infos:
        if info not in [compared for compared, _ in originals]:
            click.echo(visible(f"{info.name}: no step to compare"))
    click.echo(_summary(identical, sum(history.last_step for _, history in originals)))
    return 0 if all(identical) else 1


def _train_and_print(spec: HostSpec, originals: Sequence[Path], once: ScreenRequest) -> None:
    """Train without a screen until the end, then print the screen of the replay and the original."""
    from tui_trainer.cli.open_screen import show
    from tui_trainer.session.finished_run import JournalSession
    from tui_trainer.session.launch import launch
    from tui_trainer.session.multi import MultiSession

    process = launch(spec).process
    try:
        process.wait()
    except KeyboardInterrupt:
        process.terminate()  # the host saves, and ends by itself
        raise
    folders = [*(Path(run.path) for run in spec.runs), *originals]
    show(MultiSession([JournalSession(folder) for folder in folders]), once=once)


def _summary(identical: list[bool], steps: int) -> str:
    if all(identical):
        return f"all {len(identical)} runs identical, {steps:,} steps in total"
    return f"{identical.count(False)} of {len(identical)} runs not identical"
