"""The run directory of one run: created once, locked while its host is alive."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.runs.atomic_write import read_plain, replace_file, sweep, sync_directory
from tui_trainer.runs.file_lock import create_owner_file, is_held, is_ours, refresh, try_lock

MAX_ABOUT = 1 << 20
"""Bytes of the largest about.json that is read."""
PROCESSES = "processes"
"""Key of about.json: the number of processes that train a run; absent for one."""
_BEFORE_CONFIG = {".lock", ".owner", "about.json", "checkpoints"}
"""Entries created before run.toml. A directory is a run once it has a run.toml."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The host that holds a run: its process, its machine and its socket."""

    pid: int
    host: str
    socket: str


class RunDir:
    """The directory of one run, locked by the host that writes it.

    The lock is a `flock`: the system releases it when the process ends, however it ends. A pid is trusted only on a
    file system without locks, together with the start time of its process (`file_lock`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._owner: Owner | None = None
        self._originals: dict[Path, bytes] = {}
        """Contents of run.toml and about.json, written again if the directory comes back empty."""
        self._claiming = threading.Lock()
        self.has_locks = True
        """False once the file system was found to have no locks: then hosts are told apart by an owner file."""

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The file with the resolved configuration."""
        return self.path / "run.toml"

    @property
    def about(self) -> Path:
        """The file with versions, device, seed and command line."""
        return self.path / "about.json"

    @property
    def journal(self) -> Path:
        """The journal."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The directory of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """The captured output of the host."""
        return self.path / "host.log"

    @property
    def lock(self) -> Path:
        """The file that a living host has locked."""
        return self.path / ".lock"

    @property
    def owner_file(self) -> Path:
        """The file that stands in for the lock on a file system without locks."""
        return self.path / ".owner"

    def create(self, config: str, about: dict[str, Any], owner: Owner) -> None:
        """Create and lock the directory with its configuration. A directory that never became a run is created again.

        Raises:
            UserError: a run of this name exists, or nothing can be written; then nothing is left behind.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(exist_ok=not name_is_taken(self.path))
        except FileExistsError:
            raise UserError(f"run {self.name!r} already exists in {self.path.parent}; choose another --name") from None
        except OSError as error:
            raise UserError(f"{self.path}: cannot be created: {error.strerror}") from None
        self.hold(owner)
        try:
            self.checkpoints.mkdir(exist_ok=True)
            replace_file(self.about, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())
            replace_file(self.config, config.encode())  # last: from here on the directory is a run
            sync_directory(self.path.parent)
            self.remember()
        except OSError as error:
            shutil.rmtree(self.path, ignore_errors=True)
            self.release()
            raise UserError(f"{self.path}: cannot be created: {error.strerror}") from None

    def hold(self, owner: Owner) -> None:
        """Lock an existing directory.

        Raises:
            UserError: another host holds it, it cannot be written, or one of its entries is a link or not a regular
                file: a directory from an untrusted source must not make a host write elsewhere, or block on a pipe.
        """
        for part in (self.config, self.about, self.journal, self.checkpoints, self.log, self.lock):
            if part.is_symlink():
                raise UserError(f"{part}: is a symbolic link; a run writes only inside its own folder")
            if part != self.checkpoints and part.exists() and not part.is_file():
                raise UserError(f"{part}: is not a regular file; a run writes only to regular files")
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"run {self.name!r} cannot be written: {self.lock}: {error.strerror}") from None
        result = try_lock(descriptor)
        try:
            busy = result == "busy" or (result == "unsupported" and not create_owner_file(self.owner_file))
        except OSError as error:
            os.close(descriptor)
            raise UserError(f"run {self.name!r} cannot be written: {self.owner_file}: {error.strerror}") from None
        if busy:
            os.close(descriptor)
            raise UserError(f"another host is training run {self.name!r}; join it with `tui-trainer attach`")
        self.has_locks = result == "locked"
        self._lock, self._owner = descriptor, owner
        with contextlib.suppress(OSError):  # informative only: the lock itself works on a full disk
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps({"pid": owner.pid, "host": owner.host, "socket": owner.socket}).encode())
        for directory in (self.path, self.checkpoints):
            with contextlib.suppress(OSError):
                sweep(directory)

    def remember(self) -> None:
        """Keep run.toml and about.json in memory, to write them again if the directory comes back empty."""
        for path in (self.about, self.config):
            with contextlib.suppress(OSError):
                self._originals[path] = read_plain(path, MAX_ABOUT)

    def claim(self) -> None:
        """Make sure that this host holds the directory, and that run.toml, about.json and checkpoints exist.

        A directory that was removed and is back is locked again, because the old lock belongs to the removed one.
        Safe in any thread.

        Raises:
            OSError: the directory does not exist, cannot be written, or another host holds it.
        """
        with self._claiming:
            lock, owner = self._lock, self._owner
            if lock is None or owner is None:
                raise OSError(errno.EBADF, "the folder is not locked")
            if not self._is_current(lock):
                if not os.path.isdir(self.path):
                    raise OSError(errno.ENOENT, "the folder was removed")
                try:
                    self.hold(owner)
                except UserError as error:
                    raise OSError(errno.EBUSY, str(error)) from None
                os.close(lock)
            for path, data in self._originals.items():
                if not os.path.exists(path):
                    replace_file(path, data)
            if not os.path.isdir(self.checkpoints):
                self.checkpoints.mkdir()

    def _is_current(self, descriptor: int) -> bool:
        """Return whether an open lock file is the one under the directory's name."""
        if not self.has_locks:
            refresh(self.owner_file)
            if not is_ours(self.owner_file):
                return False
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.lock))
        except OSError:
            return False

    def release(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
            if not self.has_locks and is_ours(self.owner_file):
                with contextlib.suppress(OSError):
                    self.owner_file.unlink()

    def owner(self) -> Owner | None:
        """Return the living host that holds the directory, None where there is none."""
        return owner_of(self.path)


def owner_of(path: str | Path) -> Owner | None:
    """Return the living host that holds a run directory, None where there is none."""
    try:
        descriptor = os.open(f"{path}/.lock", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # it may be a pipe
    except OSError:
        return None
    try:
        return _read_owner(descriptor) if is_held(descriptor, Path(path, ".owner")) else None
    finally:
        os.close(descriptor)


def _read_owner(descriptor: int) -> Owner:
    try:
        fields = json.loads(os.pread(descriptor, 4096, 0))
        return Owner(int(fields["pid"]), str(fields["host"]), str(fields["socket"]))
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return Owner(0, socket.gethostname(), "")


def name_is_taken(path: Path) -> bool:
    """Return whether the path of a run or a group is in use.

    A directory that never became a run, because its host died while creating it, does not count.
    """
    try:
        entries = [entry for entry in path.iterdir() if not entry.name.endswith(".tmp")]
    except FileNotFoundError:
        return False
    except OSError:
        return True
    if {entry.name for entry in entries} <= _BEFORE_CONFIG:
        return False
    return any(not entry.is_dir() or name_is_taken(entry) for entry in entries)


def read_about(path: str | Path) -> dict[str, Any]:
    """Read a run directory's `about.json`. Returns {} where it is missing or damaged."""
    try:
        about = json.loads(read_plain(f"{path}/about.json", MAX_ABOUT))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def recorded_processes(about: dict[str, Any]) -> int:
    """Return the number of processes that `about.json` records, 1 where there is none."""
    processes = about.get(PROCESSES, 1)
    return processes if isinstance(processes, int) and 0 < processes <= 1 << 16 else 1


def recorded_threads(about: dict[str, Any]) -> int:
    """Return the number of torch threads that `about.json` records, 0 where it is missing or not plausible."""
    threads = about.get("threads", 0)
    return threads if isinstance(threads, int) and 0 <= threads <= 4096 else 0
