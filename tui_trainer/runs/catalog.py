"""List the runs of a directory, and find those that a name means."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.paths import expanded
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_dir import read_about
from tui_trainer.runs.run_index import RunIndex
from tui_trainer.runs.run_info import RunInfo, is_run, read_run_info
from tui_trainer.runs.run_list import starting_runs

__all__ = ["RunIndex", "RunInfo", "check_readable", "find_run", "find_runs", "is_run", "list_runs", "read_run_info"]

MAX_SUGGESTIONS = 4
"""Most names that the error for an unknown run lists."""


def list_runs(directory: Path) -> list[RunInfo]:
    """Return every run of a runs directory: live ones first, then the newest."""
    index = _indexes.setdefault(directory, RunIndex(directory))
    return list(index.refresh(everything=True))


_indexes: dict[Path, RunIndex] = {}
"""The directories that this process has listed: a command with several names reads each run once."""


def check_readable(directory: Path) -> None:
    """Raise `UserError` for a runs directory that is there and cannot be read: its runs are not missing."""
    try:
        next(directory.iterdir(), None)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UserError(
            f"runs directory {str(directory)!r} cannot be read: {error.strerror}; choose another with --runs-dir DIR"
        ) from None


def directory_of(path: Path) -> Path:
    """Return the runs directory of a run: the one of its group for a variant."""
    is_variant = "/" in str(read_about(path).get("name", ""))
    return path.parent.parent if is_variant else path.parent


def find_run(name: str, directory: Path, live: bool = False) -> RunInfo:
    """Find the run that a name means. Of a group, return the run that started first.

    A name is, in this order: the name of a run or a group, that of its folder or the one that a user gave it; the path
    of its directory; a preset, which means its newest run; the beginning of one name; or the four letters at the end of
    one name. `last` is the newest run. Of the runs of a preset, and for `last`, hidden ones count only where there is
    no other.

    Args:
        live: consider only runs whose host is alive.

    Raises:
        UserError: there is no such run, or more than one.
    """
    return find_runs(name, directory, live)[0]


def find_runs(name: str, directory: Path, live: bool = False) -> list[RunInfo]:
    """Find a run, or every run of a group in the order of their start. Arguments and errors as in `find_run`."""
    return sorted(_find_runs(name, directory, live), key=lambda info: info.started)


def _named(name: str, runs: Sequence[RunInfo]) -> list[RunInfo]:
    """Return the run of exactly this name, else those of its group: by folder, then by given name."""
    return (
        [info for info in runs if info.name == name]
        or [info for info in runs if info.group == name]
        or [info for info in runs if info.shown == name]
        or [info for info in runs if info.group and info.shown_group == name]
        or [info for info in runs if " " in name and name in (short_name(info.name), short_name(info.group))]
    )


def _find_runs(name: str, directory: Path, live: bool) -> list[RunInfo]:
    path = expanded(name)
    runs = [] if "/" in name else list_runs(directory)
    # A name of a run means that run, whatever lies in the working directory.
    is_path = path.is_dir() and name != "last" and not _named(name, runs)
    if is_path and is_run(path):
        home = directory if directory in (path.parent, path.parent.parent) else directory_of(path)
        return _with_starting([read_run_info(path, home)], path)
    if is_path and (variants := [child for child in sorted(path.glob("*/")) if is_run(child)]):
        return _with_starting([read_run_info(child, path.parent) for child in variants], path)
    if "/" in name and (starting := _with_starting([], path)):
        return starting
    check_readable(directory)
    runs = runs or list_runs(directory)
    if live:
        runs = [info for info in runs if info.live]
    kind = "live run" if live else "run"
    if name.startswith(("/", "./", "../", "~")) and not expanded(name).exists():
        raise UserError(f"{name}: no such file or directory")
    empty = f"{name}: the folder holds no run, and no log that can be read" if is_path and not live else ""
    if not runs:
        if empty:
            raise UserError(empty)
        which = kind if name == "last" else f"{kind} {name!r}"
        plural = f"{kind}s"
        raise UserError(
            f"no {which}: {directory} has no {plural}" + ("; list all runs with `tui-trainer runs`" if live else "")
        )
    if name == "last":
        return _newest(runs)
    if named := _named(name, runs):
        if _means_one(named):
            return named
        raise _several(name, named)
    if of_preset := [info for info in runs if info.preset == name]:
        return _newest(of_preset, runs)
    matching = [info for info in runs if info.name.startswith(name)]
    matching = matching or [info for info in runs if info.shown.startswith(name)]
    if _means_one(matching):
        return matching
    ending = [info for info in runs if (info.group or info.name).endswith(f"_{name}")] if name.isalnum() else []
    if not matching and _means_one(ending):
        return ending
    if matching := matching or ending:
        raise _several(name, matching)
    if variant := _variant(name, directory, live):
        return variant
    raise UserError(empty or f"no {kind} {name!r} in {directory}; {_suggestion(name, runs)}")


def _several(name: str, matching: Sequence[RunInfo]) -> UserError:
    names = ", ".join(info.name for info in matching[:5])
    return UserError(f"{name!r} matches several runs: {names}{', ...' if len(matching) > 5 else ''}")


def _variant(name: str, directory: Path, live: bool) -> list[RunInfo]:
    """Return the variant that `SET/VARIANT` means where SET is another name of the set; empty where there is none."""
    group, _, variant = name.rpartition("/")
    if not group or "/" in group or expanded(group).is_dir():
        return []
    try:
        runs = _find_runs(group, directory, live)
    except UserError:
        return []
    return [info for info in runs if info.group and variant in (info.name.rpartition("/")[2], info.kept.name)]


def _with_starting(found: list[RunInfo], path: Path) -> list[RunInfo]:
    """Return the runs that a path names, or those whose host is starting where they do not live yet."""
    if any(info.live for info in found):
        return found
    real = os.path.realpath(path)
    return [
        info for info in starting_runs() if real in (os.path.realpath(info.path), os.path.realpath(f"{info.path}/.."))
    ] or found


def _means_one(runs: Sequence[RunInfo]) -> bool:
    """Return whether these are one run, or runs of one group."""
    return len(runs) == 1 or bool(runs and runs[0].group and len({info.group for info in runs}) == 1)


def _newest(runs: Sequence[RunInfo], all_runs: Sequence[RunInfo] = ()) -> list[RunInfo]:
    """Return the run that started last, with all runs of its group."""
    candidates = [info for info in runs if not info.kept.hidden] or runs
    newest = max(candidates, key=lambda info: (info.started, info.name))
    return [info for info in all_runs or runs if info.group == newest.group] if newest.group else [newest]


def _suggestion(name: str, runs: Sequence[RunInfo]) -> str:
    """Return the names of runs and presets that are most like an unknown one, else where to find them."""
    names = dict.fromkeys(info.group or info.name for info in runs)
    given = (each for info in runs for each in (info.kept.name and info.shown, info.kept.group) if each)
    presets = (info.preset for info in runs if info.preset)
    known = dict.fromkeys([*names, *(info.name for info in runs), *given, *presets])
    near = difflib.get_close_matches(name, known, n=MAX_SUGGESTIONS, cutoff=0.55)
    near += [each for each in known if name.casefold() in each.casefold() and each not in near]
    if near:
        *others, final = [repr(each) for each in near[:MAX_SUGGESTIONS]]
        return f"did you mean {', '.join(others)}{' or ' if others else ''}{final}?"
    newest = list(names)[:3]
    return f"the newest {'is' if len(newest) == 1 else 'are'} {', '.join(newest)}; `tui-trainer runs` lists all"
