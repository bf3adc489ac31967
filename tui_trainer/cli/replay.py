"""`tui-trainer replay`: train again, interventions included, and say whether the curves are identical."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tui_trainer.cli.options import on_terminal, runs_dir_option, trust_option
from tui_trainer.text import visible


@click.command(epilog="Example: tui-trainer replay last --headless")
@click.argument("run", metavar="RUN")
@click.option("--headless", is_flag=True, help="No screen: one plain line per epoch.")
@trust_option
@runs_dir_option
def command(run: str, headless: bool, trust: bool, runs_dir: str | None) -> int:
    """Train RUN again from its configuration, every intervention at its step, and compare every number.

    Says "identical over N steps", or the first step and metric that differ, with exit code 1.
    """
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.listing import find_run
    from tui_trainer.runs.record import read_record
    from tui_trainer.session.again import differences, replay_spec, verdict

    info = find_run(run, directory(runs_dir))
    original = Path(info.path) / "events.jsonl"
    spec = replay_spec(info, runs_dir, read_record(original), ["tui-trainer", *sys.argv[1:]], trust=trust)
    for difference in differences(Path(info.path)):
        click.echo(visible(f"note: {difference}: the bits may differ with it"), err=True)
    if headless or not on_terminal():
        from tui_trainer.cli.headless import train

        train(spec)
    else:
        from tui_trainer.cli.screen import check_terminal, show
        from tui_trainer.session.launch import launch
        from tui_trainer.session.replay import ReplaySession
        from tui_trainer.session.several import SeveralSessions

        check_terminal()
        show(SeveralSessions([launch(spec).session(), ReplaySession(Path(info.path))]))
    same, words = verdict(original, Path(spec.runs[0].path) / "events.jsonl")
    click.echo(words)
    return 0 if same else 1
