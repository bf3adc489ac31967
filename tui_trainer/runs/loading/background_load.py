"""Load a long journal in a subprocess, so that the screen stays responsive meanwhile.

`python -m tui_trainer.runs.loading.background_load JOURNAL DESCRIPTOR` folds the whole journal, writes the state into
the open file and reports progress on stdout: `read BYTES` as it goes, and last `folded BYTES SKIPPED`. The state of a
finished run is cached beside its journal, where that can be written, so the next screen does not wait.
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

from tui_trainer.runs.loading.state_cache import fold_path, write_fold

if TYPE_CHECKING:
    from tui_trainer.state.run_state import RunState

WORTH = 16 << 20
"""Bytes of journal from which on another process is worth its start."""
CHUNK = 1 << 20
PATIENCE = 2.0
"""Seconds that a process which writes a fold is given to end."""
OFTEN = 0.1
"""Seconds between two words on how far it is."""


@dataclass(frozen=True, slots=True)
class LoadedState:
    """What a journal folds to.

    Attributes:
        state: the state of the run.
        offset: bytes of the journal that it stands for.
        skipped: torn or altered lines among them.
    """

    state: RunState
    offset: int
    skipped: int


class BackgroundLoader:
    """A journal that another process is reading. No method waits for it."""

    def __init__(self, journal: Path) -> None:
        """Begin. Raises `OSError` where no process can be started."""
        self.offset = 0
        """Bytes read so far."""
        self.failed = False
        """Whether nothing more will come of it."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - held until the other process has filled it
        self._words = b""
        place = self._file.fileno()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tui_trainer.runs.loading.background_load", str(journal.absolute()), str(place)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(place,),
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

    def take(self) -> LoadedState | None:
        """What the journal folds to, once it has been read."""
        try:
            while data := os.read(self._pipe, 1 << 12):
                self._words += data
        except BlockingIOError:
            pass
        else:
            self.failed = True  # the end: unless what follows says more
        *lines, self._words = self._words.split(b"\n")
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
        """End the process; one that is just writing the fold is given the moment that this takes."""
        self._file.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def read_ahead(journal: Path) -> BackgroundLoader | None:
    """Begin to read a journal that is long and has no fold beside it; None for any other, and where that cannot be."""
    try:
        if journal.stat().st_size < WORTH or fold_path(journal).exists():
            return None
        return BackgroundLoader(journal)
    except OSError:
        return None


def main(journal: Path, place: int) -> None:
    """Read the journal, for the process that started this one."""
    from tui_trainer.runs.journal import Follower
    from tui_trainer.runs.run_dir import RunDir
    from tui_trainer.state.run_state import RunState

    gc.disable()  # nothing here goes in circles, and there are millions of numbers to look through
    state = RunState(run=journal.parent.name)
    follower = Follower(journal)
    said = monotonic()
    while not follower.cut:
        events = follower.read(CHUNK)
        state.apply(*events)
        if not events and follower.at_end():
            break
        if monotonic() - said >= OFTEN:
            said = monotonic()
            os.write(1, b"read %d\n" % follower.offset)
    if follower.cut:
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a fold is written whole
    with open(place, "wb", closefd=False) as file:
        file.write(state.model_dump_json().encode())
    os.write(1, b"folded %d %d\n" % (follower.offset, follower.skipped))
    if state.over and not follower.skipped and RunDir(journal.parent).owner() is None:
        write_fold(journal, state)


if __name__ == "__main__":
    with contextlib.suppress(OSError):  # the one who asked has left, or the folder is not ours to write to
        main(Path(sys.argv[1]), int(sys.argv[2]))
