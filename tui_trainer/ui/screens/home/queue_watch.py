"""The queue of the runs directory, as the home screen shows it; read again only where its file has changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.queueing.entries import Queue
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.session.catalog import Reporting
from tui_trainer.text import visible
from tui_trainer.ui.screens.home.items import QueueRow


class QueueWatch:
    """Reads the queue; for one thread at a time.

    Args:
        directory: the runs directory.
        catalogue: the source of the runs; the line says too what it cannot read.
    """

    def __init__(self, directory: Path, catalogue: object = None) -> None:
        self._catalogue = catalogue
        self._file = QueueFile(directory)
        self._stamp: tuple[int, int, int] | None = None
        self._queue = Queue()
        self._problem = ""
        """Why the file cannot be used; empty where it can."""
        self.rows: tuple[QueueRow, ...] = ()
        """The entries that have not been trained well: the one that trains, those that wait, and those that failed."""
        self.line = ""
        """The state of the queue in one line."""

    def read(self) -> tuple[QueueRow, ...]:
        """Return the rows; the same object as before where nothing has changed."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp, self._problem = stamp, ""
            try:
                self._queue = self._file.read() if stamp is not None else Queue()
            except UserError as error:
                self._queue, self._problem = Queue(), str(error)
        open_entries = any(not entry.over for entry in self._queue.entries)
        working = open_entries and self._file.runner.holder() is not None
        rows = tuple(QueueRow(entry, working) for entry in self._queue.entries if entry.state != "done")
        if rows != self.rows:
            self.rows = rows
        unread = self._catalogue.problem if isinstance(self._catalogue, Reporting) else ""
        self.line = " · ".join(text for text in (queue_line(self.rows, self._problem), visible(unread)) if text)
        return self.rows

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            status = os.stat(self._file.path)
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns


def queue_line(rows: Sequence[QueueRow], problem: str = "") -> str:
    """Return the state of the queue: `queue: 2 waiting, q1 trains digits-cnn, 1 failed`; empty for an empty one."""
    if problem:
        return visible(f"queue: {problem}")
    waiting = sum(row.entry.state == "waiting" for row in rows)
    failed = sum(row.entry.state == "failed" for row in rows)
    training = [row for row in rows if row.entry.state == "training"]
    parts = [f"{waiting} waiting"] if waiting else []
    for row in training:
        does = "trains" if row.working else "was cut off:"
        parts.append(f"q{row.entry.number} {does} {visible(row.entry.preset)}")
    parts += [f"{failed} failed"] if failed else []
    if waiting and not training and not any(row.working for row in rows):
        parts.append("not started")
    return f"queue: {', '.join(parts)}" if parts else ""
