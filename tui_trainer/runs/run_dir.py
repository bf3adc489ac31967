"""The run directory of one run: created once, locked while its host lives."""

from __future__ import annotations

import contextlib
import errno
import fcntl
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

MAX_ABOUT = 1 << 20
"""Bytes of the largest about.json that is read."""
_FIRST = {".lock", "about.json", "checkpoints"}
"""What is made of a folder before its configuration, which makes a run of it."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The host that holds a run: where it runs and where it listens."""

    pid: int
    host: str
    socket: str


class RunDir:
    """The folder of one run, held by the host that writes it.

    The lock is a `flock`: it goes away with its process, however that ends, and no pid is ever trusted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._owner: Owner | None = None
        self._kept: dict[Path, bytes] = {}
        self._claiming = threading.Lock()

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.path / "run.toml"

    @property
    def about(self) -> Path:
        """Versions, device, seed, command line."""
        return self.path / "about.json"

    @property
    def journal(self) -> Path:
        """Everything that happened."""
        return self.path / "events.jsonl"

    @property
    def checkpoints(self) -> Path:
        """last, best, and every named one."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.path / "host.log"

    @property
    def lock(self) -> Path:
        """The file whose lock says that a host is alive."""
        return self.path / ".lock"

    def create(self, config: str, about: dict[str, Any], owner: Owner) -> None:
        """Make the folder, with its configuration, and hold it; one that was never finished is made again.

        Raises:
            UserError: a run is there already, or nothing can be written; then nothing is left behind.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(exist_ok=not taken(self.path))
        except FileExistsError:
            raise UserError(
                f"a run named {self.name!r} is already in {self.path.parent}; choose another --name"
            ) from None
        except OSError as error:
            raise UserError(f"{self.path}: cannot be made: {error.strerror}") from None
        self.hold(owner)
        try:
            self.checkpoints.mkdir(exist_ok=True)
            replace_file(self.about, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())
            replace_file(self.config, config.encode())  # the last: from here on the folder is a run
            sync_directory(self.path.parent)
            self.remember()
        except OSError as error:
            shutil.rmtree(self.path, ignore_errors=True)
            self.release()
            raise UserError(f"{self.path}: cannot be made: {error.strerror}") from None

    def hold(self, owner: Owner) -> None:
        """Take the lock of an existing folder.

        Raises:
            UserError: another host holds it, it cannot be written, or a part of it lies elsewhere or is no file: a
                folder from somebody else must not make a host write to a file of its user's, or wait for a pipe.
        """
        for part in (self.config, self.about, self.journal, self.checkpoints, self.log, self.lock):
            if part.is_symlink():
                raise UserError(f"{part}: is a link to another place; a run is written in its own folder alone")
            if part != self.checkpoints and part.exists() and not part.is_file():
                raise UserError(f"{part}: is no plain file; a run is written to files alone")
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UserError(f"run {self.name!r} cannot be written: {self.lock}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise UserError(
                f"run {self.name!r} is being written by another host; `tui-trainer attach` joins it"
            ) from None
        self._lock, self._owner = descriptor, owner
        with contextlib.suppress(OSError):  # who holds it is a courtesy: the lock itself needs no room on a disk
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps({"pid": owner.pid, "host": owner.host, "socket": owner.socket}).encode())
        for directory in (self.path, self.checkpoints):
            with contextlib.suppress(OSError):
                sweep(directory)

    def remember(self) -> None:
        """Keep what the run was made from in memory: a folder that comes back empty is given it again."""
        for path in (self.about, self.config):
            with contextlib.suppress(OSError):
                self._kept[path] = read_plain(path, MAX_ABOUT)

    def claim(self) -> None:
        """Make sure that the folder is this host's to write, and whole.

        One that was taken away and is back is held anew (the lock that is held lies in the old one), and what the run
        was made from is put back into it. Safe in any thread.

        Raises:
            OSError: it is not there, cannot be written, or another host holds what stands under its name now.
        """
        with self._claiming:
            held, owner = self._lock, self._owner
            if held is None or owner is None:
                raise OSError(errno.EBADF, "the folder is not held")
            if not self._holds(held):
                if not os.path.isdir(self.path):
                    raise OSError(errno.ENOENT, "the folder has been taken away")
                try:
                    self.hold(owner)
                except UserError as error:
                    raise OSError(errno.EBUSY, str(error)) from None
                os.close(held)
            for path, data in self._kept.items():
                if not os.path.exists(path):
                    replace_file(path, data)
            if not os.path.isdir(self.checkpoints):
                self.checkpoints.mkdir()

    def _holds(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.lock))
        except OSError:
            return False

    def release(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def owner(self) -> Owner | None:
        """The living host that holds the folder, None where there is none."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # it may be a pipe
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return self._read_owner(descriptor)
        finally:
            os.close(descriptor)
        return None

    def _read_owner(self, descriptor: int) -> Owner:
        try:
            held = json.loads(os.pread(descriptor, 4096, 0))
            return Owner(int(held["pid"]), str(held["host"]), str(held["socket"]))
        except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError):
            return Owner(0, socket.gethostname(), "")


def taken(path: Path) -> bool:
    """Whether something stands under the name of a run or a group.

    A folder that a host began to make and that never became a run, because that host died, is none: it is made anew.
    """
    try:
        inside = [entry for entry in path.iterdir() if not entry.name.endswith(".tmp")]
    except FileNotFoundError:
        return False
    except OSError:
        return True
    if {entry.name for entry in inside} <= _FIRST:
        return False
    return any(not entry.is_dir() or taken(entry) for entry in inside)


def read_about(path: Path) -> dict[str, Any]:
    """The contents of a run directory's `about.json`, empty where it is missing or damaged."""
    try:
        about = json.loads(read_plain(path / "about.json", MAX_ABOUT))
    except (OSError, ValueError, RecursionError):
        return {}
    return about if isinstance(about, dict) else {}


def recorded_threads(about: dict[str, Any]) -> int:
    """The number of torch threads that `about.json` records, 0 where it is missing or not plausible."""
    threads = about.get("threads", 0)
    return threads if isinstance(threads, int) and 0 <= threads <= 4096 else 0
