"""`tui-trainer replay`: train again, interventions included, and say whether the curves are identical."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tui_trainer.cli.options import on_terminal, runs_dir_option, trust_option
from tui_trainer.errors import UserError
from tui_trainer.text import visible


@click.command(epilog="Example: tui-trainer replay last --headless")
@click.argument("run", metavar="RUN")
@click.option("--headless", is_flag=True, help="No screen: one plain line per epoch.")
@trust_option
@runs_dir_option
def command(run: str, headless: bool, trust: bool, runs_dir: str | None) -> int:
    """Train RUN again from its configuration, every intervention at its step, and compare every number.

    Says "identical over N steps", or the first step and metric that differ, with exit code 1. Of a group it says so of
    each of its runs.
    """
    from tui_trainer.paths import runs_dir as directory
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.environment_diff import differences
    from tui_trainer.runs.history import read_history
    from tui_trainer.session.replay import compare_replay, replay_spec

    infos = find_runs(run, directory(runs_dir))
    try:
        originals = [(info, read_history(Path(info.path) / "events.jsonl")) for info in infos]
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be read: {error.strerror}") from None
    if len(originals) > 1:  # of a group that was killed early some may have no step to compare
        originals = [pair for pair in originals if pair[0].live or pair[1].last_step] or originals[:1]
    spec = replay_spec(originals, runs_dir, ["tui-trainer", *sys.argv[1:]], trust=trust)
    for difference in dict.fromkeys(words for info, _ in originals for words in differences(Path(info.path))):
        click.echo(visible(f"note: {difference}: the bits may differ with it"), err=True)
    if headless or not on_terminal():
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
        compare_replay(record, Path(again.path) / "events.jsonl")
        for (_, record), again in zip(originals, spec.runs, strict=True)
    ]
    same = [identical for identical, _ in verdicts]
    if len(infos) == 1:
        click.echo(visible(verdicts[0][1]))
        return 0 if same[0] else 1
    for (info, _), (_, words) in zip(originals, verdicts, strict=True):
        click.echo(visible(f"{info.name}: {words}"))
    for info in infos:
        if info not in [compared for compared, _ in originals]:
            click.echo(visible(f"{info.name}: no step to compare"))
    click.echo(_together(same, sum(record.last_step for _, record in originals)))
    return 0 if all(same) else 1


def _together(same: list[bool], steps: int) -> str:
    if all(same):
        return f"all {len(same)} runs identical, {steps:,} steps in all"
    return f"{same.count(False)} of {len(same)} runs not identical"
