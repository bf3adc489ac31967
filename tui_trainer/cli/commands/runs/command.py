"""`tui-trainer runs`: list live and finished runs, and keep, hide or delete them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tui_trainer.cli.options import json_option, runs_dir_option
from tui_trainer.errors import nearest
from tui_trainer.paths import runs_dir as directory
from tui_trainer.runs.catalog import RunInfo, check_readable, list_runs
from tui_trainer.text import visible

ACTIONS = ("rename", "tag", "note", "hide", "show", "delete", "keep-best")
"""First words that change runs instead of filtering them."""
_REMOVED = "\0"
"""Stands for the dash of a tag to remove, which click would take for that of an option."""


class _RunsCommand(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let `-bad` be a tag to remove."""
        if "tag" in args:
            at = args.index("tag")
            dashed = [arg.startswith("-") and not arg.startswith("--") and arg not in ("-", "-h") for arg in args]
            args = [_REMOVED + arg[1:] if dashed[k] and k > at else arg for k, arg in enumerate(args)]
        return super().parse_args(ctx, args)


@click.command(
    cls=_RunsCommand,
    epilog="""\b
Examples:
  tui-trainer runs --json | jq '.[] | select(.status == "running") | .name'
  tui-trainer runs 'val_accuracy>0.97' tag=good
  tui-trainer runs rename d0be wide-cnn
  tui-trainer runs tag wide-cnn good -draft
  tui-trainer runs note wide-cnn "the first with label smoothing"
  tui-trainer runs --prune status=dead 'age>30d' --dry-run""",
)
@click.argument("words", metavar="[FILTER...|ACTION RUN ...]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="List or prune hidden runs too.")
@click.option("--prune", is_flag=True, help="Delete the runs that FILTER matches; asks first.")
@click.option("--dry-run", is_flag=True, help="Print what delete, keep-best or --prune would remove; remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before runs are deleted.")
@json_option
@runs_dir_option
def command(
    words: tuple[str, ...],
    everything: bool,
    prune: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    runs_dir: str | None,
) -> int:
    """List the runs in the runs directory, or keep, hide or delete some of them.

    Live runs come first, then the newest; the runs of a set stand together. FILTER keeps the runs for which all terms
    hold: 'lr>=0.001' model=mlp 'val_accuracy>0.97' 'age<2d' tag=good digits. A key is a setting, a metric (its last
    value), best.METRIC, or one of name, status, reason, preset, group, epoch, step, age, duration, size, tag, note,
    hidden, best. Quote < and > for the shell.

    \b
    rename RUN NEW       call a run or a set NEW here and in other commands; its folder stays
    tag RUN good -draft  add a tag, remove another
    note RUN TEXT        write a note; an empty TEXT removes it
    hide RUN...          leave runs out of the lists; --all or hidden=true lists them
    show RUN...          list them again
    delete RUN...        delete runs; asks for the name, or takes --yes
    keep-best RUN...     remove all checkpoints but the best

    A run that is training is never hidden, deleted or pruned. A command that takes RUN takes a name, a folder, a preset
    (its newest run), the beginning of a name, the four letters at its end, or `last`.
    """
    path = directory(runs_dir)
    check_readable(path)
    words = tuple(word.replace(_REMOVED, "-") for word in words)
    if prune:
        from tui_trainer.cli.commands.runs.removing import prune_runs

        return prune_runs(words, path, everything=everything, dry_run=dry_run, yes=yes, as_json=as_json)
    if words and words[0] in ACTIONS:
        from tui_trainer.cli.commands.runs.changing import change

        return change(words[0], words[1:], path, dry_run=dry_run, yes=yes, as_json=as_json)
    if dry_run or yes:
        option = "--dry-run" if dry_run else "--yes"
        raise click.UsageError(f"{option} belongs to --prune, delete and keep-best")
    return _list(words, path, everything=everything, as_json=as_json)


def _list(words: Sequence[str], path: Path, *, everything: bool, as_json: bool) -> int:
    all_runs = list_runs(path)
    if words:
        from tui_trainer.runs.run_filter import select

        runs = select(" ".join(words), all_runs, everything=everything)
    else:
        runs = [run for run in all_runs if everything or not run.kept.hidden]
    if as_json:
        from tui_trainer.cli.commands.runs.listing import print_runs_json

        print_runs_json(runs)
        return 0
    if runs:
        from tui_trainer.cli.commands.runs.listing import print_runs

        print_runs(runs)
    hidden = sum(run.kept.hidden for run in all_runs)
    if words and all_runs and not runs:
        click.echo(visible(f"no run in {path} matches {' '.join(words)!r}; {_counted(all_runs)}"), err=True)
        if len(words) > 1 and (action := nearest(words[0], ACTIONS)) is not None:
            click.echo(visible(f"did you mean `tui-trainer runs {action} {' '.join(words[1:])}`?"), err=True)
    elif not all_runs:
        click.echo(visible(f"no runs in {path}; `tui-trainer run` starts one"), err=True)
    elif not runs:
        click.echo(visible(f"all {hidden} runs in {path} are hidden; --all lists them"), err=True)
    return 0


def _counted(runs: Sequence[RunInfo]) -> str:
    hidden = sum(run.kept.hidden for run in runs)
    return f"{len(runs) - hidden} in all" + (f", {hidden} hidden" if hidden else "")
