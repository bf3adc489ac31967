"""Rename, tag, hide runs and write notes about them: the changes that the commands and the screen share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tui_trainer.errors import UserError
from tui_trainer.paths import new_name
from tui_trainer.runs.keeping.kept import change_kept, checked_note, tag_changes
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_info import RunInfo


def rename(infos: Sequence[RunInfo], name: str, all_runs: Iterable[RunInfo]) -> str:
    """Give a run another name in lists and commands, or the set that several runs are. The folder keeps its name.

    Args:
        infos: one run, or all runs of a set.
        name: the new name; empty or that of the folder gives the folder's name back.
        all_runs: the runs of the directory, which may not have the name already.

    Raises:
        UserError: the name cannot be one, is taken, or cannot be written.
    """
    first = infos[0]
    is_set = len(infos) > 1
    folder = first.group if is_set else first.name.rpartition("/")[2]
    name = "" if name in (folder, short_name(folder)) else name
    if name:
        _check_free(new_name(name, "name of a run"), infos, all_runs)
    for info in infos:
        change_kept(info.path, {"group" if is_set else "name": name})
    return name or folder


def _check_free(name: str, infos: Sequence[RunInfo], all_runs: Iterable[RunInfo]) -> None:
    own = {info.path for info in infos}
    beside = f"{infos[0].group}/" if len(infos) == 1 and infos[0].group else ""
    for info in all_runs:
        if info.path in own:
            continue
        if beside:
            taken = info.name.startswith(beside) and name in (info.name.rpartition("/")[2], info.kept.name)
        else:
            taken = name in (info.name, info.group, info.shown, info.shown_group)
        if taken:
            raise UserError(f"name {name!r}: run {info.name!r} has it already; choose another")


def tag(infos: Sequence[RunInfo], words: Iterable[str]) -> None:
    """Add tags to runs, and remove those with a dash. Raises `UserError` as `tag_changes` and `change_kept` do."""
    words = tuple(words)
    changed = [(info, tag_changes(words, info.kept.tags)) for info in infos]
    for info, tags in changed:
        change_kept(info.path, {"tags": tags})


def note(infos: Sequence[RunInfo], text: str) -> None:
    """Write a note about runs in place of the earlier one; an empty text removes it. May raise `UserError`."""
    text = checked_note(text)
    for info in infos:
        change_kept(info.path, {"note": text})


def hide(infos: Sequence[RunInfo], hidden: bool) -> None:
    """Leave runs out of the lists, or show them again.

    Raises:
        UserError: a run that is training would be hidden, or the change cannot be written.
    """
    for info in infos if hidden else ():
        if info.live:
            raise UserError(f"run {info.name!r} is training; hide it when it is over")
    for info in infos:
        change_kept(info.path, {"hidden": hidden})


def answers_of(infos: Sequence[RunInfo]) -> tuple[str, ...]:
    """Return what a user may type to confirm a change of runs: the name of a single run, the number of several."""
    if len(infos) != 1:
        return (str(len(infos)),)
    info = infos[0]
    short = short_name(info.name)
    given = info.kept.name or info.kept.group
    names = (info.shown if given else short, info.shown, short, info.name, info.name.rpartition("/")[2])
    return tuple(dict.fromkeys(names))
