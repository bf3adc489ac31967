"""One run's folder: made once, locked while its host lives."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.runs.durable import replace_file, sweep, sync_directory


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
        """Make the folder, with its configuration, and hold it. Raises `UserError` where it is there already."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir()
        except FileExistsError:
            raise UserError(
                f"a run named {self.name!r} is already in {self.path.parent}; choose another --name"
            ) from None
        except OSError as error:
            raise UserError(f"{self.path}: cannot be made: {error.strerror}") from None
        self.hold(owner)
        self.checkpoints.mkdir()
        replace_file(self.config, config.encode())
        replace_file(self.about, (json.dumps(about, indent=2, ensure_ascii=False) + "\n").encode())
        sync_directory(self.path.parent)

    def hold(self, owner: Owner) -> None:
        """Take the lock of an existing folder. Raises `UserError` where another host holds it."""
        descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise UserError(
                f"run {self.name!r} is being written by another host; `tui-trainer attach` joins it"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps({"pid": owner.pid, "host": owner.host, "socket": owner.socket}).encode())
        self._lock = descriptor
        with contextlib.suppress(OSError):
            sweep(self.checkpoints)

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
