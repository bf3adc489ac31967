"""`tui-trainer runs`: list live and finished runs."""

from __future__ import annotations

import click

from tui_trainer.cli.options import json_option, print_json, print_table, runs_dir_option
from tui_trainer.paths import runs_dir as directory
from tui_trainer.runs.catalog import RunInfo, check_readable, list_runs
from tui_trainer.runs.label import label
from tui_trainer.text import number, visible


@click.command(
    epilog="""\b
Example:
  tui-trainer runs --json | jq '.[] | select(.status == "running") | .name'"""
)
@click.argument("words", metavar="[FILTER...]", nargs=-1)
@json_option
@runs_dir_option
def command(words: tuple[str, ...], as_json: bool, runs_dir: str | None) -> int:
    """List the runs in the runs directory: live runs first, then the newest.

    FILTER keeps the runs for which all terms hold: 'lr>=0.001' model=mlp 'val_accuracy>0.97' 'age<2d' digits. A key is
    a setting, a metric (its last value), best.METRIC, or one of name, status, reason, preset, group, epoch, step, age,
    best. Quote < and > for the shell.

    A command that takes RUN takes a folder, the beginning of its name, the four letters at its end, a preset (its
    newest run), or `last`.
    """
    path = directory(runs_dir)
    check_readable(path)
    all_runs = runs = list_runs(path)
    if words:
        from tui_trainer.runs.run_filter import select

        runs = select(" ".join(words), all_runs)
    if as_json:
        print_json([run.to_json() for run in runs])
    elif all_runs and not runs:
        click.echo(visible(f"no run in {path} matches {' '.join(words)!r}; {len(all_runs)} in all"), err=True)
    elif not runs:
        click.echo(f"no runs in {path}; `tui-trainer run` starts one", err=True)
    else:
        print_table([_row(run) for run in runs], ("run", "status", "epoch", "step", "best", "last", "folder"))
    return 0


def _row(run: RunInfo) -> tuple[str, ...]:
    best = f"{run.best['metric']} {number(run.best['value'])} (epoch {run.best['epoch']})" if run.best else "-"
    metrics = [name for name in ("val_accuracy", "val_r2", "val_loss") if name in run.metrics][:1]
    last = "  ".join(f"{name} {number(run.metrics[name])}" for name in metrics) or "-"
    status = f"{run.status} ({run.reason})" if run.reason else run.status
    if run.status == "dead":
        status = "dead: `resume` continues it"
    elif run.starting:
        status = "running (starting)"
    return (label(run.name, run.started), status, str(run.epoch), str(run.step), best, last, run.name)
