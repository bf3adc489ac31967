"""Start a watching process in the background, and end it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

from tui_trainer.paths import socket_dir
from tui_trainer.runs.run_list import Announced, write_run_list
from tui_trainer.session.exit_reason import memory_kills
from tui_trainer.session.launch import Launched
from tui_trainer.session.spare.environment import environment
from tui_trainer.watching.spec import WatchSpec, document

END_SECONDS = 25.0
"""Time that a watching process has to end its script."""


def launch(spec: WatchSpec) -> Launched:
    """Start a watching process that outlives this one, in a session of its own."""
    if not spec.socket:
        socket_dir()  # says why there is none
    log = Path(spec.socket).with_suffix(".log")
    with open(log, "wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tui_trainer.watching.watcher"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            env=environment(),
        )
    listed = {"name": spec.name, "path": spec.path, "preset": spec.title}
    write_run_list(Path(spec.socket), [listed], process.pid, starting=True)
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(spec.encode())
    announced = (Announced(spec.name, spec.path, spec.title, spec.title, document(spec), False),)
    return Launched(process, Path(spec.socket), (spec.name,), (spec.path,), memory_kills(), announced)


def end(launched: Launched) -> None:
    """End a watching process with its script, and wait for both."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        launched.process.terminate()
        launched.process.wait(END_SECONDS)
