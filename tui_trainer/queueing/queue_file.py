"""The file of a queue, changed under a lock, and the lock that tells whether a runner works on it.

queue.json       the entries; replaced as a whole, so that a crash leaves the old or the new ones
.queue.lock      held for the moment of a change
.queue.runner    held by the runner while it runs; holds its process id
.queue.log       what a runner in the background prints
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator
from pathlib import Path
from time import monotonic, sleep

from tui_trainer.errors import UserError
from tui_trainer.queueing.entries import Damaged, Entry, Queue, decode, encode
from tui_trainer.runs.atomic_write import read_plain, replace_file
from tui_trainer.runs.file_lock import create_owner_file, is_ours, is_owned, try_lock

MAX_BYTES = 16 << 20
"""Bytes of the largest queue that is read."""
LOCK_SECONDS = 10.0
"""Seconds to wait for a change that another process makes."""


class FileLock:
    """A lock on a file that this process can hold; the system releases it when the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._owner = path.with_name(path.name + ".owner")
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting. Returns False if another process has it. Raises `OSError`."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
        result = try_lock(descriptor)
        if result == "busy" or (result == "unsupported" and not create_owner_file(self._owner)):
            os.close(descriptor)
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if is_ours(self._owner):
                with contextlib.suppress(OSError):
                    self._owner.unlink()

    def holder(self) -> int | None:
        """Return the process that holds the lock, 0 where its number is not known, None where there is none."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            result = try_lock(descriptor, shared=True)
            if result == "busy" or (result == "unsupported" and is_owned(self._owner)):
                text = os.pread(descriptor, 32, 0).decode(errors="replace")
                return int(text) if text.isdecimal() else 0
            return None
        finally:
            os.close(descriptor)


class QueueFile:
    """The queue of one runs directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / "queue.json"
        self.runner = FileLock(directory / ".queue.runner")
        self.log = directory / ".queue.log"
        self._changes = FileLock(directory / ".queue.lock")

    def read(self) -> Queue:
        """Read the queue; empty where there is no file.

        Raises:
            UserError: the file cannot be read, or is no queue.
        """
        try:
            return decode(read_plain(self.path, MAX_BYTES))
        except FileNotFoundError:
            return Queue()
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read: {error.strerror}") from None
        except Damaged:
            raise UserError(f"{self.path}: not a queue; move the file away to begin with an empty one") from None

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Keep others from changing the queue.

        Raises:
            UserError: the lock cannot be had.
        """
        deadline = monotonic() + LOCK_SECONDS
        try:
            while not self._changes.acquire():
                if monotonic() > deadline:
                    raise UserError(f"{self._changes.path}: another process keeps it locked; try again")
                sleep(0.01)
        except OSError as error:
            raise UserError(f"{self._changes.path}: cannot be written: {error.strerror}") from None
        try:
            yield
        finally:
            self._changes.release()

    def write(self, queue: Queue) -> None:
        """Replace the queue; call it under `locked`.

        Raises:
            UserError: it cannot be written; the old one stays.
        """
        try:
            replace_file(self.path, encode(queue))
        except OSError as error:
            raise UserError(f"{self.path}: cannot be written: {error.strerror}") from None

    def change(self, function: Callable[[Queue], Queue]) -> Queue:
        """Replace the queue by what a function makes of it, under the lock. Returns the new one."""
        with self.locked():
            queue = function(self.read())
            self.write(queue)
            return queue

    def put(self, entry: Entry) -> None:
        """Replace the entry of the same number. One that was removed meanwhile stays away."""

        def put(queue: Queue) -> Queue:
            return queue.with_entry(entry) if any(each.number == entry.number for each in queue.entries) else queue

        self.change(put)
