"""Find the logs in a folder and below it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.readers.formats import HEAD, may_be_log
from tui_trainer.readers.formats import format_of as _format_of
from tui_trainer.readers.reading import Format
from tui_trainer.runs.run_info import is_run

MAX_LOGS = 2000
"""Most logs that are taken from one tree."""
MAX_DEPTH = 16
"""Deepest folder that is searched."""
PASSED_OVER = frozenset((".git", ".hg", ".svn", ".venv", "__pycache__", "node_modules"))
"""Names of folders that are not searched."""
PLAIN = frozenset(("metrics", "results", "trainer_state", "history", "log", "logs", "progress", "train_log"))
"""Names of files that say less than that of their folder."""
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(slots=True)
class Log:
    """The files of one log, by a name for lists; several where writers share a folder."""

    name: str
    format: Format
    files: list[Path]
    found: bool = False
    """Whether it was found in a folder, not named."""
    folder: Path | None = None
    """The folder that is looked at for further files of the log, where it can get some."""


@dataclass(slots=True)
class Found:
    """The result of a search: logs, folders of own runs, and what could not be read, one sentence each."""

    logs: list[Log] = field(default_factory=list[Log])
    runs: list[Path] = field(default_factory=list[Path])
    problems: list[str] = field(default_factory=list[str])


def log_at(path: Path) -> Log | None:
    """Return the log that a file is, None where no reader takes it. Raises `OSError`."""
    found = _format_of(path)
    if found is None:
        return None
    name = path.absolute().parent.name if found.joined else name_of(path, path.absolute().parent.parent)
    return Log(name, found, [path])


def name_of(path: Path, root: Path) -> str:
    """Return the name of a log for lists: its file's, or its folder's where the file has a plain name."""
    path = path.absolute()
    if path.stem.lower() in PLAIN and path.parent != Path(path.anchor):
        path = path.parent
        if _CHECKPOINT.fullmatch(path.name):
            path = path.parent
    else:
        root = max(root, path.parent, key=lambda each: len(each.parts)) if root == path.parent.parent else root
        path = path.with_suffix("")
    try:
        relative = path.relative_to(root.absolute())
    except ValueError:
        return path.name
    return "/".join(relative.parts[-3:]) or path.name


def find_logs(root: Path, told: Mapping[str, str]) -> Found:
    """Search a folder. Links are followed, each folder once."""
    found = Found()
    seen: set[tuple[int, int]] = set()
    by_folder: dict[tuple[Path, str], Log] = {}

    def refused(error: OSError) -> None:
        found.problems.append(f"{error.filename}: {error.strerror}")

    for folder, folders, files in os.walk(root, onerror=refused, followlinks=True):
        path = Path(folder)
        if not _is_new(path, seen) or len(path.relative_to(root).parts) > MAX_DEPTH:
            folders.clear()
            continue
        if is_run(path):
            found.runs.append(path)
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in PASSED_OVER)
        for name in sorted(files):
            if len(found.logs) >= MAX_LOGS:
                found.problems.append(f"{root}: more than {MAX_LOGS:,} logs; the further ones are left out")
                return found
            if may_be_log(name):
                _add(path / name, root, told, found, by_folder)
    _drop_older_checkpoints(found)
    return found


def _is_new(path: Path, seen: set[tuple[int, int]]) -> bool:
    try:
        status = path.stat()
    except OSError:
        return False
    key = status.st_dev, status.st_ino
    if key in seen:
        return False
    seen.add(key)
    return True


def _add(path: Path, root: Path, told: Mapping[str, str], found: Found, by_folder: dict[tuple[Path, str], Log]) -> None:
    try:
        if not path.is_file():
            return
        kind = _format_of(path)
        if kind is None:
            return
        with open(path, "rb") as file:
            if not kind.is_log(file.read(HEAD), told):
                return
    except OSError as error:
        found.problems.append(f"{path}: {error.strerror}")
        return
    if not kind.joined:
        found.logs.append(Log(name_of(path, root), kind, [path], found=True))
    elif (path.parent, kind.name) in by_folder:
        by_folder[path.parent, kind.name].files.append(path)
    else:
        name = "/".join(path.parent.relative_to(root).parts[-3:]) or root.absolute().name
        log = by_folder[path.parent, kind.name] = Log(name, kind, [path], found=True, folder=path.parent)
        found.logs.append(log)


def _drop_older_checkpoints(found: Found) -> None:
    """Of the checkpoints of one training keep the last: each holds the history of those before."""
    newest: dict[Path, int] = {}
    for log in found.logs:
        if match := _CHECKPOINT.fullmatch(log.files[0].parent.name):
            parent = log.files[0].parent.parent
            newest[parent] = max(newest.get(parent, 0), int(match[1]))
    own = {log.files[0].parent for log in found.logs if log.files[0].name == "trainer_state.json"}
    found.logs = [
        log
        for log in found.logs
        if (match := _CHECKPOINT.fullmatch(log.files[0].parent.name)) is None
        or log.files[0].name != "trainer_state.json"
        or (log.files[0].parent.parent not in own and int(match[1]) == newest[log.files[0].parent.parent])
    ]
