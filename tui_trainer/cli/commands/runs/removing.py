"""Delete runs from the command line, or their checkpoints but the best: say what goes, ask, then remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from tui_trainer.cli.options import on_terminal, print_json
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import RunInfo, list_runs
from tui_trainer.runs.keeping.disk_use import size_of, size_of_files, size_text
from tui_trainer.runs.keeping.editing import answers_of
from tui_trainer.runs.keeping.removal import (
    check_deletable,
    check_over,
    checkpoints_beside_best,
    delete_run,
    keep_best,
)
from tui_trainer.runs.label import label
from tui_trainer.runs.run_filter import select
from tui_trainer.text import visible


def prune_runs(
    words: Sequence[str], directory: Path, *, everything: bool, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Delete the runs that a filter matches; live ones are left."""
    if not words:
        raise click.UsageError("--prune needs a FILTER that says which runs go, such as status=dead or 'age>30d'")
    matching = select(" ".join(words), list_runs(directory), everything=everything)
    infos = [info for info in matching if not info.live]
    for info in matching:
        if info.live:
            click.echo(visible(f"{label(info.shown, info.started)} is training and stays"), err=True)
    if not infos:
        click.echo(
            visible(f"nothing to prune: no run in {directory} that is over matches {' '.join(words)!r}"), err=True
        )
        if as_json:
            print_json({"runs": [], "bytes": 0, "dry_run": dry_run})
        return 0
    return delete_runs(infos, dry_run=dry_run, yes=yes, as_json=as_json)


def delete_runs(infos: Sequence[RunInfo], *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Delete runs once their name or number was typed. Raises `UserError` for a live one before any is deleted."""
    check_deletable(infos)
    return _remove(infos, [size_of(info.path) for info in infos], "delete", delete_run, dry_run, yes, as_json)


def keep_best_of(infos: Sequence[RunInfo], *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Remove all checkpoints of runs but the best. Asks for runs that were cut: they can then not be resumed."""
    check_over(infos)
    yes = yes or all(info.status == "finished" for info in infos)
    sizes = [size_of_files(checkpoints_beside_best(info)) for info in infos]
    return _remove(infos, sizes, "keep only the best checkpoint of", keep_best, dry_run, yes, as_json)


def _remove(
    infos: Sequence[RunInfo],
    sizes: Sequence[int],
    doing: str,
    remove: Callable[[RunInfo], int],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    total = size_text(sum(sizes))
    what = label(infos[0].shown, infos[0].started) if len(infos) == 1 else f"{len(infos)} runs"
    if dry_run or not as_json:
        for info, size in zip(infos, sizes, strict=True):
            line = f"{label(info.shown, info.started)}  {size_text(size)}  {info.path}"
            click.echo(visible(line), err=as_json or not dry_run)
    if dry_run:
        if as_json:
            print_json(_json(infos, sizes, dry_run=True))
        click.echo(visible(f"would {doing} {what}: {total} ({sum(sizes)} bytes); nothing was removed"), err=as_json)
        return 0
    if not yes and not _confirmed(infos, f"{doing} {what} ({total})"):
        click.echo("nothing was removed", err=True)
        return 1
    freed: list[int] = []
    try:
        for info in infos:
            freed.append(remove(info))  # noqa: PERF401 - an error must not lose those before it
    except UserError as error:
        done = f"{len(freed)} of {len(infos)} runs done, {size_text(sum(freed))} freed; then " if freed else ""
        raise UserError(f"{done}{error}") from None
    if as_json:
        print_json(_json(infos, freed, dry_run=False))
    done = "deleted" if doing == "delete" else "kept only the best checkpoint of"
    click.echo(visible(f"{done} {what}: {size_text(sum(freed))} freed ({sum(freed)} bytes)"), err=True)
    return 0


def _json(infos: Sequence[RunInfo], sizes: Sequence[int], *, dry_run: bool) -> dict[str, object]:
    runs = [{"name": info.name, "path": info.path, "bytes": size} for info, size in zip(infos, sizes, strict=True)]
    return {"runs": runs, "bytes": sum(sizes), "dry_run": dry_run}


def _confirmed(infos: Sequence[RunInfo], doing: str) -> bool:
    """Return whether the user typed the name of the run, or the number of runs.

    Raises:
        UserError: there is no terminal to ask on.
    """
    if not on_terminal():
        raise UserError(f"to {doing} without a terminal to ask on, add --yes; --dry-run shows what would go")
    answers = answers_of(infos)
    typed = click.prompt(visible(f"type {answers[0]} to {doing}"), default="", show_default=False, err=True)
    return str(typed).strip() in answers
