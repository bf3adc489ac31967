"""Starting a host: checked before, on its own afterwards."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer.config.preset import Preset
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError
from tui_trainer.paths import checked_name, new_run_name, socket_path, writable_runs_dir
from tui_trainer.runs.folder import taken
from tui_trainer.session.fate import fate, memory_kills
from tui_trainer.session.spec import HostSpec, RunSpec

if TYPE_CHECKING:
    from tui_trainer.session.client import ClientSession


def host_spec(
    preset: Preset, runs_dir: str | None, name: str | None, command: Sequence[str], *, trust: bool = False
) -> HostSpec:
    """The spec of a host that trains the preset's runs in new folders.

    Raises:
        UserError: the preset would run code and is not trusted; the runs directory cannot be written, or the name is
            taken or cannot be one. Nothing is left behind.
    """
    check_trust(preset.runs.values(), preset.source, trust)
    directory = writable_runs_dir(runs_dir).absolute()
    chosen = checked_name(name, "--name") if name is not None else new_run_name(preset.name)
    top = directory / chosen
    if taken(top):
        raise UserError(f"a run named {chosen!r} is already in {directory}; choose another --name")
    runs = tuple(
        RunSpec(
            name=f"{chosen}/{variant}" if variant else chosen,
            path=str(top / variant if variant else top),
            config=config.model_dump(mode="json", exclude_none=True),
            preset=preset.name,
            title=config.title or preset.name,
        )
        for variant, config in preset.runs.items()
    )
    return HostSpec(runs=runs, socket=str(socket_path(top)), command=tuple(command), trust=trust)


@dataclass(slots=True)
class Launched:
    """A host process that was just started."""

    process: subprocess.Popen[bytes]
    spec: HostSpec
    memory_kills: int = 0
    """Processes that the machine had killed for want of memory when it was started."""

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def epitaph(self) -> str:
        """What became of the process."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(0.5)  # its socket closes a moment before it can be waited for
        logs = (Path(self.spec.runs[0].path) / "host.log", Path(self.spec.socket).with_suffix(".log"))
        return fate(self.process.returncode, self.memory_kills, logs)

    def session(self, *, can_steer: bool = True) -> ClientSession:
        """A session with it, at once: it connects when the host listens."""
        from tui_trainer.session.client import ClientSession, SocketLink

        return ClientSession(
            SocketLink(Path(self.spec.socket), alive=self.alive),
            can_steer=can_steer,
            epitaph=self.epitaph,
            folders=tuple(run.path for run in self.spec.runs),
        )


def launch(spec: HostSpec) -> Launched:
    """Start a host that outlives this process, its terminal and its session. Returns at once.

    The host has a session of its own, nothing of the terminal, and its standard output and error in a file: a closed
    terminal cannot stop it, and nothing that it prints can spoil a screen. It looks for no module in the working
    directory (`-P`): what lies in a folder from somebody else must not be taken for a library.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tui_trainer.session.host"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=_environment(),
    )
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(spec.model_dump_json().encode())
    return Launched(process, spec, memory_kills())


def _environment() -> dict[str, str]:
    """This process's environment, with the package on the path wherever the host is started from."""
    package = str(Path(__file__).parents[2])
    known = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in (package, known) if part)}
