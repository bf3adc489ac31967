"""The subscriber that keeps mirrors of runs: it stores events, and a thread of its own writes them.

bus thread:   put(event): queue it, drop it where too many wait; nothing else
this thread:  a few times a second: events become rows, rows go into the files
              a disk that is full: say so once, keep the rows, try again
host, at its end: close(), which waits for the last rows
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.mirroring.live_rows import LiveRows, MeasuredRow
from tui_trainer.host.mirroring.mirror_files import MirrorFile, kinds_in, open_mirror
from tui_trainer.protocol import events as ev

SECONDS = 0.5
"""Time between two writes."""
MAX_EVENTS = 50_000
"""Events that wait to become rows at most: hours of a training whose disk does not answer."""
MAX_ROWS = 200_000
"""Rows that wait for a disk at most; the oldest are lost beyond that."""
CLOSE_SECONDS = 5.0
"""Time that the last rows have to be written."""
_PASSED_OVER = (ev.Logged, ev.ResourcesMeasured, ev.PictureTaken, ev.Refused, ev.Diagnosed)


class _File:
    """One file of one run, with the rows that are not in it yet."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder = kind, folder
        self.rows: deque[MeasuredRow] = deque()
        self.lost = 0
        self.error = ""
        self._file: MirrorFile | None = None

    def add(self, rows: Sequence[MeasuredRow]) -> None:
        self.rows.extend(rows)
        while len(self.rows) > MAX_ROWS:
            self.rows.popleft()
            self.lost += 1

    def write(self) -> bool:
        """Write the rows. Returns whether the error changed."""
        before = self.error
        try:
            if self.rows:
                self._file = self._file or open_mirror(self.kind, self._folder)
                self._file.write(list(self.rows))
                self.rows.clear()
            self.error = ""
        except OSError as error:
            self.error = error.strerror or str(error)
        return self.error != before


class Mirror:
    """Writes what is measured in some runs into files for other programs. It never holds up the training.

    Args:
        kinds: the kinds of files of each run, by its name.
        folders: the run folders by name.
        say: called with the name of a run and a line for its log.
    """

    def __init__(
        self, kinds: Mapping[str, Sequence[str]], folders: Mapping[str, Path], say: Callable[[str, str], None]
    ) -> None:
        self._say = say
        self._files = {name: [_File(kind, folders[name]) for kind in each] for name, each in kinds.items()}
        self._rows = {name: LiveRows() for name in kinds}
        self._events: deque[ev.AnyEvent] = deque(maxlen=MAX_EVENTS)
        self._woken = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)
        self._thread.start()

    # -- the bus ----------------------------------------------------------------------------------------------------

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Queue an event."""
        if not isinstance(event, _PASSED_OVER) and event.run in self._files:
            self._events.append(event)

    def restart(self) -> None:
        """Do nothing: what was written stays, and later rows win."""

    # -- the thread that writes -------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._closed:
            self._woken.wait(SECONDS)
            self._woken.clear()
            self._write()
        self._write(last=True)

    def _write(self, *, last: bool = False) -> None:
        while self._events:
            event = self._events.popleft()
            for file in self._files[event.run] if (rows := self._rows[event.run].take(event)) else ():
                file.add(rows)
        for name, files in self._files.items():
            rest = self._rows[name].finish() if last else self._rows[name].settle()
            for file in files:
                file.add(rest)
                if file.write():
                    self._report(name, file)

    def _report(self, name: str, file: _File) -> None:
        lost = f"; {file.lost:,} rows are lost" if file.lost else ""
        if file.error:
            self._say(name, f"--mirror {file.kind}: cannot be written: {file.error}; the training goes on{lost}")
        else:
            self._say(name, f"--mirror {file.kind}: is written again{lost}")

    def close(self) -> None:
        """Write what is left, at most for a few seconds."""
        self._closed = True
        self._woken.set()
        self._thread.join(CLOSE_SECONDS)


def start_mirror(
    bus: EventBus, kinds: Sequence[str], folders: Mapping[str, Path], resumed: Collection[str] = ()
) -> None:
    """Mirror the runs of a bus from now on, until it closes.

    Args:
        kinds: the kinds of files.
        folders: the run folders by name.
        resumed: names of the runs that go on, and with them the mirrors that they had.
    """
    wanted = {
        name: tuple(dict.fromkeys([*kinds, *(kinds_in(folder) if name in resumed else ())]))
        for name, folder in folders.items()
    }
    wanted = {name: each for name, each in wanted.items() if each}
    if not wanted:
        return

    def say(run: str, text: str) -> None:
        bus.publish(run, ev.Logged(lines=[text], source="trainer"))

    mirror = Mirror(wanted, folders, say)
    bus.subscribe(mirror, lambda states: None)
    bus.at_close(mirror.close)
