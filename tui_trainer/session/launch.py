"""Starting a host, which is on its own afterwards. What it is to train was checked before."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.session.exit_reason import exit_reason, memory_kills

if TYPE_CHECKING:
    from tui_trainer.host.spec import HostSpec
    from tui_trainer.session.socket_session import ClientSession


@dataclass(slots=True)
class Launched:
    """A host process that was just started.

    Attributes:
        socket: where it listens once it does.
        names: of its runs.
        folders: of its runs.
        memory_kills: processes that the machine had killed for want of memory when it was started.
    """

    process: subprocess.Popen[bytes]
    socket: Path
    names: tuple[str, ...]
    folders: tuple[str, ...]
    memory_kills: int = 0

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def epitaph(self) -> str:
        """What became of the process."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)  # its socket closes a moment before it can be waited for
        logs = (Path(self.folders[0]) / "host.log", self.socket.with_suffix(".log"))
        return exit_reason(self.process.returncode, self.memory_kills, logs)

    def session(self, *, can_steer: bool = True) -> ClientSession:
        """A session with it, at once: it connects when the host listens."""
        from tui_trainer.session.socket_session import ClientSession, SocketLink

        return ClientSession(
            SocketLink(self.socket, alive=self.alive),
            can_steer=can_steer,
            epitaph=self.epitaph,
            folders=self.folders,
        )


def launch(spec: HostSpec) -> Launched:
    """Start a host of this spec."""
    return launch_line(spec.model_dump_json().encode())


def launch_line(line: bytes) -> Launched:
    """Start a host that outlives this process, its terminal and its session. Returns at once.

    Args:
        line: its spec as JSON.

    The host has a session of its own, nothing of the terminal, and its standard output and error in a file: a closed
    terminal cannot stop it, and nothing that it prints can spoil a screen. It looks for no module in the working
    directory (`-P`): what lies in a folder from somebody else must not be taken for a library.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui_trainer.host.host"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=_environment(),
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(line)
    spec = json.loads(line)
    names, folders = (tuple(str(run[key]) for run in spec["runs"]) for key in ("name", "path"))
    return Launched(process, Path(spec["socket"]), names, folders, memory_kills())


def _environment() -> dict[str, str]:
    """This process's environment, with the package on the path wherever the host is started from."""
    package = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in (package, known) if part)}
