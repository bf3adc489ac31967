"""The process that reads long logs: `python -m tui_trainer.readers.apart.process`.

The first line of stdin names the logs. Frames with samples, then with all columns, and then with what is added, go to
stdout. The process ends with its stdin, or once it has read logs that nothing has written to for a while.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import queue
import select
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from time import time
from typing import Any

from tui_trainer.readers.apart.frames import encode
from tui_trainer.readers.find_logs import Log
from tui_trainer.readers.follower import LogFollower, LogNews
from tui_trainer.readers.formats import FORMATS
from tui_trainer.readers.reading import Unreadable
from tui_trainer.readers.sampling import sampled

AHEAD = 16
"""Frames that wait for the other process."""
CHECK_SECONDS = 0.5
"""Seconds between two looks at logs that have been read."""
STILL = 600.0
"""Seconds without a change after which a log is not followed."""


def described(logs: list[Log], told: Mapping[str, str]) -> bytes:
    """Return the line that names the logs to the process."""
    named = [
        {
            "name": log.name,
            "format": log.format.name,
            "files": [str(path.absolute()) for path in log.files],
            "folder": str(log.folder.absolute()) if log.folder is not None else None,
        }
        for log in logs
    ]
    return json.dumps({"logs": named, "told": dict(told)}).encode() + b"\n"


def main() -> None:
    """Read the logs that stdin names."""
    gc.disable()  # there are no reference cycles here, and many lists of numbers to search
    wanted = json.loads(sys.stdin.buffer.readline())
    formats = {each.name: each for each in FORMATS}
    logs = [
        Log(
            each["name"],
            formats[each["format"]],
            [Path(path) for path in each["files"]],
            folder=Path(each["folder"]) if each["folder"] is not None else None,
        )
        for each in wanted["logs"]
    ]
    frames: queue.Queue[bytes | None] = queue.Queue(AHEAD)
    writer = threading.Thread(target=_write, args=(frames,), daemon=True)
    writer.start()
    _read(logs, wanted["told"], frames)
    frames.put(None)
    writer.join()


def _read(logs: list[Log], told: Mapping[str, str], frames: queue.Queue[bytes | None]) -> None:
    def send(at: int, news: LogNews, fraction: float, **more: Any) -> None:
        frames.put(encode({"log": at, "fraction": fraction, **more}, news))

    for at, log in enumerate(logs):
        with contextlib.suppress(OSError):
            samples = sampled(log, told)
            send(at, LogNews(list(samples.items()), at_end=False), 0.0, sample=True)
    followers = dict(enumerate(LogFollower(log, told) for log in logs))
    behind = set(followers)
    while followers:
        for at, follower in list(followers.items()):
            if behind and at not in behind:
                continue
            try:
                news = follower.read()
            except Unreadable as error:
                send(at, LogNews(), 1.0, failed=str(error))
                del followers[at]
                behind.discard(at)
                continue
            if at in behind or news.runs or news.notes or news.begun_again:
                send(at, news, follower.fraction)
            if news.at_end and at in behind:
                behind.discard(at)
                if _is_still(follower.log):
                    del followers[at]
            elif news.begun_again:
                behind.add(at)
        if not behind and select.select([0], [], [], CHECK_SECONDS)[0]:
            return


def _is_still(log: Log) -> bool:
    try:
        return all(time() - path.stat().st_mtime > STILL for path in log.files)
    except OSError:
        return False


def _write(frames: queue.Queue[bytes | None]) -> None:
    while (frame := frames.get()) is not None:
        rest = memoryview(frame)
        while rest:
            try:
                rest = rest[os.write(1, rest) :]
            except OSError:
                os._exit(0)  # the viewer has left


if __name__ == "__main__":
    main()
