"""The spare host of a screen: one idle process, started in advance, that becomes the host of the next training.

`launch` asks `SPARE` for it. There is none unless a screen has called `allow`. Whenever anything is not as it would be
for a host started now, there is none either, and a new one is started: the caller sees no difference but the time.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import threading
from dataclasses import dataclass
from time import monotonic

from tui_trainer.protocol.wire_format import PROTOCOL
from tui_trainer.session.spare.environment import environment

OPTION = "--spare"
"""Argument that makes a host wait; `host.spare` defines it for the other side."""
SWITCH = "TUI_TRAINER_SPARE"
"""Environment variable that overrides the setting: 0 for no spare hosts."""
RETRY_SECONDS = 60.0
"""Seconds until another one is started in place of one that died."""
LARGEST_SPEC = 1 << 20
"""Bytes of the largest spec that a spare host is given."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The part of its surroundings that a process inherits at its start and keeps."""

    environment: dict[str, str]
    directory: tuple[int, int]
    umask: str

    @classmethod
    def now(cls) -> Surroundings:
        """Return those of this process. Raises `OSError` if its directory is gone."""
        os.getcwd()
        status = os.stat(".")
        return cls(environment(), (status.st_dev, status.st_ino), _umask())


def _umask() -> str:
    """Return the umask without setting it, where the system tells; other threads may create files meanwhile."""
    try:
        with open("/proc/self/status") as file:
            return next((line.split()[1] for line in file if line.startswith("Umask:")), "")
    except OSError:
        return ""


class SpareHost:
    """At most one process that waits for a spec. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._allowed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._surroundings: Surroundings | None = None
        self._greeting = b""
        self._next_start = 0.0

    @property
    def pid(self) -> int | None:
        """The process, None where there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def ready(self) -> bool:
        """Whether the next spec would be given to it."""
        with self._lock:
            return self._is_ready()

    def allow(self, allowed: bool) -> None:
        """Let `prepare` start a process, unless the environment says otherwise."""
        switch = os.environ.get(SWITCH, "")
        self._allowed = switch not in ("0", "off") if switch else allowed

    def prepare(self) -> None:
        """Start the process in a thread, where it is allowed and there is none."""
        now = monotonic()
        if self._allowed and now >= self._next_start and self.pid is None:
            self._next_start = now + RETRY_SECONDS
            threading.Thread(target=self._prepare, name="spare-host", daemon=True).start()

    def _prepare(self) -> None:
        with contextlib.suppress(OSError), self._lock:
            if self._allowed and self.pid is None:
                self._start()
        # What this side needs for the next training takes as long to import as a screen to draw.
        from tui_trainer.session.spare.warm_up import warm_up

        warm_up()

    def _start(self) -> None:
        if self._process is not None:
            end(self._process)  # it died by itself
        self._surroundings = Surroundings.now()
        self._greeting = b""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tui_trainer.host.host", OPTION],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=self._surroundings.environment,
        )

    def take(self) -> subprocess.Popen[bytes] | None:
        """Return the process, which waits for a spec on its standard input; None where a new one has to be started."""
        with self._lock:
            if not self._is_ready():
                return None
            process, self._process = self._process, None
            self._next_start = 0.0
        assert process is not None
        assert process.stdout is not None
        process.stdout.close()
        return process

    def _is_ready(self) -> bool:
        process = self._process
        if process is None or process.stdout is None or process.poll() is not None:
            return False
        descriptor = process.stdout.fileno()
        while b"\n" not in self._greeting and select.select([descriptor], [], [], 0)[0]:
            data = os.read(descriptor, 256)
            if not data:
                return False
            self._greeting += data
        if b"\n" not in self._greeting:
            return False
        try:
            fitting = self._greeting == _expected() and Surroundings.now() == self._surroundings
        except OSError:
            fitting = False
        if not fitting:  # it will never fit again
            self._process = None
            end(process)
        return fitting

    def close(self) -> None:
        """End the process, and start none from now on."""
        self._allowed = False
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            end(process)


def _expected() -> bytes:
    from tui_trainer import __version__

    return f"ready {__version__} {PROTOCOL}\n".encode()


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that no spec will be given to."""
    process.kill()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if stream is not None:
                stream.close()
    process.wait()


SPARE = SpareHost()
"""The spare host of the screen in this process."""
