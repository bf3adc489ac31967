"""One run's folder: made once, locked while its host lives."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.runs.durable import replace_file, sweep, sync_directory

_FIRST = {".lock", "about.json", "checkpoints"}
"""What is made of a folder before its configuration, which makes a run of it."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The host that holds a run: where it runs and where it listens."""

    pid: int
    host: str
    socket: str


class RunFolder:
    """The folder of one run, held by the host that writes it.

    The lock is a `flock`: it goes away with its process, however that ends, and no pid is ever trusted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        self._owner: Owner | None = None

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
        except OSError as error:
            shutil.rmtree(self.path, ignore_errors=True)
            self.release()
            raise UserError(f"{self.path}: cannot be made: {error.strerror}") from None

    def hold(self, owner: Owner) -> None:
        """Take the lock of an existing folder.

        Raises:
            UserError: another host holds it, it cannot be written, or a part of it lies elsewhere: a folder from
                somebody else must not make a host write to a file of its user's.
        """
        for part in (self.config, self.about, self.journal, self.checkpoints, self.log, self.lock):
            if part.is_symlink():
                raise UserError(f"{part}: is a link to another place; a run is written in its own folder alone")
        try:
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
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
        with contextlib.suppress(OSError):
            sweep(self.checkpoints)

    def hold_again(self) -> None:
        """Take the lock anew where the folder was taken away and is back: the one held lies in the old folder."""
        held, owner = self._lock, self._owner
        if held is None or owner is None or not self.path.is_dir():
            return
        try:
            if os.path.samestat(os.fstat(held), os.stat(self.lock)):
                return
        except FileNotFoundError:
            pass
        with contextlib.suppress(UserError):
            self.hold(owner)
            os.close(held)

    def release(self) -> None:
        """Let the folder go."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def owner(self) -> Owner | None:
        """The living host that holds the folder, None where there is none."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
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
        except (ValueError, KeyError, TypeError):
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
