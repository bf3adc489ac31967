"""The run of a script under `tui-trainer watch`: its events go to the watching process, which is the host.

    the script                                   the watching process
        asks to be the run                           yes, for the first that asks
        every event                                  into journal, fold and viewers
                                                     commands of viewers
                                                     numbers that it found in the output
        ends, in any way                             the connection is at its end

The folder, its lock and its journal belong to the watching process; checkpoints are written here.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from tui_trainer.protocol.codec import MAX_LINE, decode_command, encode_event
from tui_trainer.runs.run_dir import Owner, RunDir

if TYPE_CHECKING:
    from tui_trainer.protocol.commands import AnyCommand
    from tui_trainer.protocol.events import AnyEvent

WATCH = "TUI_TRAINER_WATCH"
"""Environment variable with the socket of the watching process."""
MAX_FEEDS = 4096
"""Numbers found in the output that wait for the next step."""
MAX_TIMES = 4096
"""Steps whose times are known, to which a line of the output can belong."""
MAX_WAITING = 64 << 20
"""Bytes of events that wait to be sent; more are dropped while the watching process does not read."""
SECONDS = 30.0
"""Time that the watching process has to answer, on a busy machine too: without an answer only the output is read."""
SYNC_SECONDS = 5.0
"""Time that it has to read what was printed so far."""


class WatchedFolder(RunDir):
    """The folder of a run that the watching process holds."""

    def __init__(self, path: Path, tell: Callable[[dict[str, Any]], None]) -> None:
        super().__init__(path)
        self._tell = tell

    def create(self, config: str, about: dict[str, Any], owner: Owner) -> None:
        """Tell the watching process what it did not know when it made the folder."""
        del config, owner
        self._tell({"described": about})

    def claim(self) -> None:
        """Raise `OSError` where the folder was removed."""
        if not os.path.isdir(self.path):
            raise OSError(errno.ENOENT, "the folder was removed")
        self.checkpoints.mkdir(exist_ok=True)

    def release(self) -> None:
        """Do nothing: the lock is that of the watching process."""


class Relay:
    """Stands for bus and server of a host, and sends everything to the watching process."""

    def __init__(self, connection: socket.socket, answer: dict[str, Any]) -> None:
        self._connection = connection
        self._buffer = b""
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._submit: Callable[[AnyCommand], str | None] = lambda command: None
        self.path = Path(str(answer["path"]))
        self.title = str(answer["title"])
        self.script: dict[str, Any] = dict(answer["script"])
        self.folder = WatchedFolder(self.path, self.tell)
        self.bus = self
        self.feeds: deque[dict[str, Any]] = deque(maxlen=MAX_FEEDS)
        self.fed: dict[str, int] = {}
        """Names that were found in the output and are not logged by the script, with the last step of each."""
        self.tells_epochs = False
        """Whether the output tells where epochs end."""
        self.lost = False
        self._synced = threading.Event()
        self._times: deque[float] = deque(maxlen=MAX_TIMES)
        self._steps: deque[int] = deque(maxlen=MAX_TIMES)
        """When the last steps were taken, and their numbers."""

    def stepped(self, step: int) -> None:
        """Take in that a step was taken now."""
        self._times.append(monotonic())
        self._steps.append(step)

    def step_at(self, moment: float) -> int:
        """Return the last step that was taken at a moment; 0 where none is known."""
        at = bisect_right(self._times, moment)
        return self._steps[at - 1] if at else self._steps[0] if self._steps else 0

    def sync(self) -> None:
        """Wait until the watching process has read and passed on what was printed so far."""
        self._synced.clear()
        self.tell({"sync": True})
        self._synced.wait(SYNC_SECONDS)

    def serve(self, submit: Callable[[AnyCommand], str | None]) -> Relay:
        """Give commands to a run from now on."""
        self._submit = submit
        return self

    def forget(self) -> None:
        """Close this end, in a process that was forked."""
        self.lost = True
        self._connection.close()

    # -- as the event bus -------------------------------------------------------------------------------------------

    def add_run(self, name: str) -> None:
        """Do nothing: the watching process has the run already."""

    def publish(self, name: str, event: AnyEvent) -> None:
        """Queue an event of the run."""
        del name
        self._queue(encode_event(event))
        if event.type not in ("Scalars", "LayersMeasured"):
            self._woken.set()

    def tell(self, message: dict[str, Any]) -> None:
        """Queue a message that is no event."""
        self._queue(json.dumps(message).encode() + b"\n")
        self._woken.set()

    def _queue(self, line: bytes) -> None:
        with self._lock:
            if not self.lost and self._bytes < MAX_WAITING:
                self._waiting.append(line)
                self._bytes += len(line)

    def sync_journal(self, name: str) -> dict[str, int]:
        """Return no length: the journal is written by the watching process."""
        del name
        return {"bytes": 0, "seq": 0}

    def check_journals(self) -> None:
        """Do nothing: the watching process checks its own."""

    # -- as what serves viewers -------------------------------------------------------------------------------------

    def register(self) -> None:
        """Begin to take what the watching process sends, in a thread of its own."""
        threading.Thread(target=self._receive, name="tui-trainer-watch", daemon=True).start()

    def _receive(self) -> None:
        while not self.lost:
            try:
                data = self._connection.recv(1 << 16)
            except OSError:
                data = b""
            if not data:
                self.lost = True
                self._woken.set()
                return
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._take(line)

    def _take(self, line: bytes) -> None:
        with contextlib.suppress(ValueError, LookupError, TypeError):  # `BadLine` is a `ValueError`
            message = json.loads(line)
            if "feed" in message:
                self.feeds.append(message["feed"])
            elif "synced" in message:
                self._synced.set()
            elif "command" in message:
                self._submit(decode_command(json.dumps(message["command"]).encode()))

    def wake(self) -> None:
        """Send what is queued soon."""
        self._woken.set()

    def wait(self, timeout: float) -> None:
        """Wait until something is to be sent at once."""
        self._woken.wait(timeout)
        self._woken.clear()

    def send(self) -> None:
        """Send what is queued. Waits for the watching process, not for the training."""
        with self._lock:
            lines = b"".join(self._waiting)
            self._waiting.clear()
            self._bytes = 0
        if lines and not self.lost:
            try:
                self._connection.sendall(lines)
            except OSError:
                self.lost = True

    def measure(self, runs: Sequence[str], device_memory: int) -> None:
        """Publish the memory and CPU of this process."""
        import psutil

        from tui_trainer.protocol.events import ResourcesMeasured

        process = self._process = getattr(self, "_process", None) or psutil.Process()
        cpu = round(process.cpu_percent() / 100, 2)
        for run in runs:
            self.publish(run, ResourcesMeasured(memory=process.memory_info().rss, device_memory=device_memory, cpu=cpu))

    def list_runs(self, runs: Sequence[Any], *, starting: bool = False) -> None:
        """Do nothing: the watching process has listed the run."""

    def close(self, turn: Callable[[float], None], seconds: float = 0.0) -> None:
        """Send the rest, and say that nothing more comes."""
        del seconds
        turn(0)
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def release(self) -> None:
        """Leave the connection to the end of the process."""


def claim() -> Relay | None:
    """Ask the watching process to be its run. Returns None where nothing watches, or another process is the run."""
    path = os.environ.get(WATCH, "")
    if not path:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(SECONDS)
        connection.connect(path)
        connection.sendall(json.dumps({"claim": {"pid": os.getpid()}}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n") and len(answer) < MAX_LINE:
            data = connection.recv(1)  # what follows the answer is read later
            if not data:
                break
            answer += data
        fields = json.loads(answer or b"{}")
        if fields.get("claimed"):
            connection.settimeout(None)
            return Relay(connection, fields)
    except (OSError, ValueError, LookupError):
        pass
    connection.close()
    return None
