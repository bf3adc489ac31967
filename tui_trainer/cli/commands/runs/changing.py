"""The actions of `tui-trainer runs` that change runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from tui_trainer.cli.commands.runs.removing import delete_runs, keep_best_of
from tui_trainer.cli.options import print_json
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import RunInfo, find_runs, list_runs, read_run_info
from tui_trainer.runs.keeping import editing
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_filter import split_arguments
from tui_trainer.text import visible


def change(action: str, words: Sequence[str], directory: Path, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Carry out an action. Raises `UserError` or `UsageError`; then nothing was changed, or only the runs before."""
    removes = action in ("delete", "keep-best")
    if dry_run and not removes:
        raise click.UsageError("--dry-run belongs to --prune, delete and keep-best")
    if not words:
        raise click.UsageError(f"runs {action} needs a RUN; `tui-trainer runs` lists them")
    if removes:
        remove = delete_runs if action == "delete" else keep_best_of
        return remove(runs_of(words, directory), dry_run=dry_run, yes=yes, as_json=as_json)
    if action in ("hide", "show"):
        infos = runs_of(words, directory)
        editing.hide(infos, action == "hide")
        message = "hidden; --all lists them" if action == "hide" else "listed again"
        return _report(infos, message, as_json=as_json)
    infos = find_runs(words[0], directory)
    _check_folders(infos)
    match action, len(words):
        case "rename", 2:
            name = editing.rename(infos, words[1], list_runs(directory))
            return _report(infos, f"now called {name}", as_json=as_json)
        case "tag", count if count > 1:
            editing.tag(infos, words[1:])
            return _report(infos, "", as_json=as_json)
        case "note", 2:
            editing.note(infos, words[1])
            return _report(infos, "note written" if words[1].strip() else "note removed", as_json=as_json)
        case _:
            usage = {"rename": "RUN NEW", "tag": "RUN TAG... (-TAG removes one)", "note": 'RUN "TEXT"'}[action]
            raise click.UsageError(f"write `tui-trainer runs {action} {usage}`")


def runs_of(words: Sequence[str], directory: Path) -> list[RunInfo]:
    """Return the runs that names and filter terms mean, each once."""
    names, matching = split_arguments(words, directory)
    found = [info for name in names for info in find_runs(name, directory)]
    infos = list({info.path: info for info in [*found, *matching]}.values())
    _check_folders(infos)
    return infos


def _check_folders(infos: Sequence[RunInfo]) -> None:
    for info in infos:
        if info.starting and not Path(info.path).is_dir():
            raise UserError(f"run {info.name!r} is starting and has no folder yet; try again in a moment")


def _report(infos: Sequence[RunInfo], message: str, *, as_json: bool) -> int:
    """Print what became of runs: on stderr for people, as JSON on stdout for programs."""
    group = infos[0].name.rpartition("/")[0]
    changed = [read_run_info(Path(info.path), Path(info.path).parents[1 if info.group else 0]) for info in infos]
    if as_json:
        print_json([info.to_json() for info in changed])
    elif len(infos) > 1 and message.startswith("now called"):
        click.echo(visible(f"{short_name(group)}: {message}"), err=True)
    else:
        for info in changed:
            tags = f"tags: {' '.join(info.kept.tags) or 'none'}"
            click.echo(visible(f"{short_name(info.name)}: {message or tags}"), err=True)
    return 0
