"""Load a long journal in a subprocess, so that the screen stays responsive meanwhile.

`python -m tui_trainer.runs.loading.background_load JOURNAL DESCRIPTOR` folds the whole journal, writes the state into
the open file and reports progress on stdout: `read BYTES` as it goes, and `folded BYTES SKIPPED` at the end. It caches
the state of a finished run next to the journal, where that can be written, so that the next viewer does not wait.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from tui_trainer.runs.loading.state_cache import cache_path, write_state_cache

if TYPE_CHECKING:
    from tui_trainer.state.run_state import RunState

MIN_BYTES = 16 << 20
"""Bytes of the shortest journal that is worth the start of a subprocess."""
CHUNK = 1 << 20
"""Bytes that are read at a time."""
EXIT_TIMEOUT = 2.0
"""Seconds that a subprocess which is writing a cache has to end."""
REPORT_SECONDS = 0.1
"""Seconds between two progress reports."""


@dataclass(frozen=True, slots=True)
class LoadedState:
    """The state that a journal folds to.

    Attributes:
        state: the state of the run.
        offset: bytes of the journal that were read.
        skipped: torn or altered lines among them.
    """

    state: RunState
    offset: int
    skipped: int


class BackgroundLoader:
    """A subprocess that is folding a journal. No method but `close` waits for it."""

    def __init__(self, journal: Path) -> None:
        """Start the subprocess. Raises `OSError` where none can be started."""
        self.offset = 0
        """Bytes read so far."""
        self.failed = False
        """Whether the subprocess ended without a state."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open until the subprocess has filled it
        self._report = b""
        """Bytes of an incomplete report."""
        descriptor = self._file.fileno()
        try:
            self._process = subprocess.Popen(
                [
                    sys.executable,
                    "-P",
                    "-m",
                    "tui_trainer.runs.loading.background_load",
                    str(journal.absolute()),
                    str(descriptor),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(descriptor,),
                start_new_session=True,
            )
        except OSError:
            self._file.close()
            raise
        os.set_blocking(self._pipe, False)

    @property
    def _pipe(self) -> int:
        stdout = self._process.stdout
        return stdout.fileno() if stdout is not None else -1

    def poll(self) -> LoadedState | None:
        """Return the state once the journal has been read, None before that and after a failure."""
        try:
            while data := os.read(self._pipe, 1 << 12):
                self._report += data
        except BlockingIOError:
            pass
        else:
            self.failed = True  # the pipe is closed; a last report may still hold the state
        *lines, self._report = self._report.split(b"\n")
        for line in lines:
            word, *numbers = line.decode(errors="replace").split()
            self.offset = int(numbers[0])
            if word == "folded":
                return self._load(int(numbers[1]))
        return None

    def _load(self, skipped: int) -> LoadedState | None:
        from pydantic import ValidationError

        from tui_trainer.state.run_state import RunState

        self._file.seek(0)
        try:
            return LoadedState(RunState.model_validate_json(self._file.read()), self.offset, skipped)
        except ValidationError:
            self.failed = True
            return None

    def close(self) -> None:
        """End the subprocess, after it has written the cache if it has begun to."""
        self._file.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.terminate()
        try:
            self._process.wait(EXIT_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def start_background_load(journal: Path) -> BackgroundLoader | None:
    """Start to fold a long journal that has no cache. Returns None for any other, or if no process can be started."""
    try:
        if journal.stat().st_size < MIN_BYTES or cache_path(journal).exists():
            return None
        return BackgroundLoader(journal)
    except OSError:
        return None


def main(journal: Path, descriptor: int) -> None:
    """Fold the journal and write its state into the open file, for the process that started this one."""
    from tui_trainer.runs.journal import Follower
    from tui_trainer.runs.run_dir import RunDir
    from tui_trainer.state.run_state import RunState

    gc.disable()  # there are no reference cycles here, and millions of objects to scan for them
    state = RunState.blank(journal.parent.name)
    follower = Follower(journal)
    reported = monotonic()
    while not follower.cut:
        events = follower.read(CHUNK)
        state.apply(*events)
        if not events and follower.at_end():
            break
        if monotonic() - reported >= REPORT_SECONDS:
            reported = monotonic()
            os.write(1, b"read %d\n" % follower.offset)
    if follower.cut:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # finish writing what has been begun
    with open(descriptor, "wb", closefd=False) as file:
        file.write(state.model_dump_json().encode())
    os.write(1, b"folded %d %d\n" % (follower.offset, follower.skipped))
    if state.over and not follower.skipped and RunDir(journal.parent).owner() is None:
        write_state_cache(journal, state)


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # the viewer has left, or the folder is read-only
        main(Path(sys.argv[1]), int(sys.argv[2]))
