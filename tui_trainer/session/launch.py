"""Start a host process that outlives this one. Its spec has been validated before."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_trainer.distributed.files import read_ended
from tui_trainer.paths import socket_dir
from tui_trainer.runs.run_list import Announced, write_run_list
from tui_trainer.session.exit_reason import exit_reason, memory_kills
from tui_trainer.session.spare.environment import environment
from tui_trainer.session.spare.spare_host import LARGEST_SPEC, SPARE, end

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.session.socket_session import ClientSession


@dataclass(slots=True)
class Launched:
    """A host process that was just started.

    Attributes:
        socket: the socket that it will listen on.
        names: names of its runs.
        folders: run directories.
        memory_kills: `memory_kills()` when it was started.
        announced: its runs with their configurations.
        start_timeout: seconds until it has to listen, where it is not the usual time.
    """

    process: subprocess.Popen[bytes]
    socket: Path
    names: tuple[str, ...]
    folders: tuple[str, ...]
    memory_kills: int = 0
    announced: tuple[Announced, ...] = ()
    start_timeout: float = 0.0

    def alive(self) -> bool:
        """Return whether the process is running."""
        return self.process.poll() is None

    def exit_reason(self) -> str:
        """Return why the process ended, in one line."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)  # its socket closes a moment before the process ends
        if told := read_ended(Path(self.folders[0])):
            return told
        # Before it opens the run directory it prints beside its socket; an older host.log is not of this host then.
        logs = (self.socket.with_suffix(".log"), Path(self.folders[0]) / "host.log")
        return exit_reason(self.process.returncode, self.memory_kills, logs)

    def session(self, *, can_steer: bool = True) -> ClientSession:
        """Return a session with the host. It connects as soon as the host listens."""
        from tui_trainer.session.socket_session import ClientSession, SocketLink

        return ClientSession(
            SocketLink(self.socket, alive=self.alive, timeout=self.start_timeout),
            can_steer=can_steer,
            exit_reason=self.exit_reason,
            folders=self.folders,
            announced=self.announced,
        )


def launch(spec: HostSpec) -> Launched:
    """Start a host with this spec."""
    return launch_line(spec.model_dump_json().encode())


def launch_line(line: bytes) -> Launched:
    """Start a host that outlives this process, its terminal and its session. Returns at once.

    Args:
        line: its spec as JSON.

    The host runs in a new session without a terminal and writes its output to a file: closing the terminal does not
    stop it, and its output does not reach the screen. With `-P` it does not import modules from the working directory,
    which may be a directory from an untrusted source. A screen may have a spare host, which has imported torch already.
    """
    spec = json.loads(line)
    if not spec["socket"]:
        socket_dir()  # says why there is none: a host in another process cannot be reached without
    alone = spec.get("processes", 1) == 1
    spare = SPARE.take() if alone and len(line) <= LARGEST_SPEC else None
    if spare is not None and _instruct(spare, spec, line):
        process = spare
    else:
        if spare is not None:
            end(spare)
        process = _start(ALONE if alone else TOGETHER)
        _instruct(process, spec, line)
    names, folders = (tuple(str(run[key]) for run in spec["runs"]) for key in ("name", "path"))
    announced = tuple(
        Announced(run["name"], run["path"], run["preset"], run["title"], run["config"], run["resume"])
        for run in spec["runs"]
    )
    return Launched(
        process, Path(spec["socket"]), names, folders, memory_kills(), announced, 0.0 if alone else TOGETHER_TIMEOUT
    )


TOGETHER_TIMEOUT = 120.0
"""Seconds that rank 0 of several processes may take to listen: the launcher imports torch before it starts them."""
ALONE, TOGETHER = "tui_trainer.host.host", "tui_trainer.distributed.launcher"
"""Modules that train the runs of a spec: in this process, or in several that it starts."""


def _start(module: str) -> subprocess.Popen[bytes]:
    """Start a process that waits for a spec."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment(),
    )


def _instruct(process: subprocess.Popen[bytes], spec: dict[str, Any], line: bytes) -> bool:
    """List the runs of a host and give it its spec. Returns whether the process is there to take it."""
    if spec["socket"]:  # before the spec: the host writes the list again when it trains
        write_run_list(Path(spec["socket"]), spec["runs"], process.pid, starting=True)
    assert process.stdin is not None
    try:
        with process.stdin as stdin:
            stdin.write(line)
    except BrokenPipeError:
        return False
    return True
