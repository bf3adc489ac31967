"""Delete runs, or all of their checkpoints but the best. A run that a host holds stays as it is."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.runs.file_lock import create_owner_file, try_lock
from tui_trainer.runs.keeping.disk_use import size_of
from tui_trainer.runs.keeping.kept import change_kept
from tui_trainer.runs.run_dir import owner_of
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.runs.run_list import starting_runs

BEST = frozenset(("best.safetensors", ".next-best.safetensors", ".previous-best.safetensors"))
"""Files of the best epoch: the second is all there is after a crash between two saves."""
_FOLDERS = frozenset(("checkpoints",))
"""Folders in a run folder."""


def check_over(infos: Sequence[RunInfo]) -> None:
    """Raise `UserError` if a host trains one of these runs, or is about to: its lock is asked, not the list."""
    about_to = {os.path.realpath(info.path) for info in starting_runs()}
    for info in infos:
        if info.live or os.path.realpath(info.path) in about_to or owner_of(info.path) is not None:
            raise _is_live(info)


def _is_live(info: RunInfo) -> UserError:
    return UserError(f"run {info.name!r} is training; stop it first: `tui-trainer send {info.name} stop`")


def check_deletable(infos: Sequence[RunInfo]) -> None:
    """Raise `UserError` if one of these is live, or if its folder holds more than a run."""
    check_over(infos)
    for info in infos:
        path = Path(info.path)
        if path.is_symlink():
            raise UserError(f"{path}: is a symbolic link; remove the link by hand")
        try:
            folders = sorted(entry.name for entry in os.scandir(path) if entry.is_dir() and entry.name not in _FOLDERS)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        if folders:
            raise UserError(f"{path}: holds folders that no run wrote: {', '.join(folders[:4])}; move them away first")


@contextlib.contextmanager
def _held(info: RunInfo) -> Generator[None]:
    """Hold the lock of a run, so that no host takes it up meanwhile.

    Raises:
        UserError: a host holds it, or it cannot be locked.
    """
    path = Path(info.path)
    try:
        descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UserError(f"run {info.name!r} cannot be changed: {path / '.lock'}: {error.strerror}") from None
    try:
        result = try_lock(descriptor)
        if result == "busy" or (result == "unsupported" and not create_owner_file(path / ".owner")):
            raise _is_live(info)
        try:
            yield
        finally:
            if result == "unsupported":
                with contextlib.suppress(OSError):
                    (path / ".owner").unlink()
    except OSError as error:
        raise UserError(f"run {info.name!r} cannot be changed: {error.filename or path}: {error.strerror}") from None
    finally:
        os.close(descriptor)


def delete_run(info: RunInfo) -> int:
    """Delete the folder of a run, and that of its set once it is empty. Returns the bytes freed.

    The folder is renamed first, to a name that is no run: a half-deleted run is never listed.

    Raises:
        UserError: a host holds it, its folder holds more than a run, or it cannot be removed.
    """
    check_deletable([info])
    path = Path(info.path)
    doomed = path.with_name(f".deleted-{path.name}-{os.getpid()}")
    with _held(info):
        size = size_of(path)
        os.rename(path, doomed)
    try:
        shutil.rmtree(doomed)
    except OSError as error:
        raise UserError(
            f"{error.filename or doomed}: cannot be removed: {error.strerror}; remove {doomed} by hand"
        ) from None
    if info.group and info.name.count("/") == 1:
        with contextlib.suppress(OSError):  # others of the set are still there
            path.parent.rmdir()
    return size


def checkpoints_beside_best(info: RunInfo) -> list[Path]:
    """Return the checkpoints of a run that are not its best; empty where it has no best."""
    try:
        files = [Path(entry.path) for entry in os.scandir(Path(info.path, "checkpoints")) if not entry.is_dir()]
    except OSError:
        return []
    names = {file.name for file in files}
    return sorted(file for file in files if file.name not in BEST) if names & BEST else []


def keep_best(info: RunInfo) -> int:
    """Remove all checkpoints of a run but its best. Returns the bytes freed.

    The run cannot be resumed afterwards, and `kept.json` says so.

    Raises:
        UserError: a host holds it, it has no best checkpoint, or a file cannot be removed.
    """
    check_over([info])
    directory = Path(info.path, "checkpoints")
    if not any((directory / name).is_file() for name in BEST):
        raise UserError(f"run {info.name!r} has no best checkpoint; all that it has was kept")
    with _held(info):
        change_kept(info.path, {"best_only": True})
        before = size_of(directory)
        for file in checkpoints_beside_best(info):
            file.unlink(missing_ok=True)
        return before - size_of(directory)
