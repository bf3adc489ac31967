"""Made-up run folders, as many as a test wants, whose files have not changed for a while."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event

LONG_AGO = 1_700_000_000


def age(path: Path, at: float = LONG_AGO) -> None:
    """Give a folder and everything in it a time of modification in the past."""
    for part in (*path.rglob("*"), path):
        os.utime(part, (at, at))


def make_run(path: Path, *, preset: str = "wine", started: str = "", over: bool = True) -> Path:
    """Make the folder of a run that has trained one epoch."""
    path.mkdir(parents=True)
    events: list[ev.AnyEvent] = [ev.EpochEnded(step=30, epoch=1, seconds=1.0, metrics={"val_loss": 0.5})]
    events += [ev.RunFinished(step=30, epoch=1, reason="completed")] if over else []
    (path / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    (path / "about.json").write_text(json.dumps({"preset": preset, "started": started or "2026-11-23T14:03:10.000Z"}))
    (path / "run.toml").write_text("title = 'x'\n")
    return path


def make_runs(directory: Path, count: int) -> None:
    """Make this many runs, with damaged, foreign, hidden and empty folders among them."""
    for number in range(count):
        make_run(directory / f"r{number:04}", started=f"2026-11-23T14:{number // 60 % 60:02}:{number % 60:02}.000Z")
    for number in range(5):
        (directory / f"damaged{number}").mkdir()
        (directory / f"damaged{number}" / "events.jsonl").write_bytes(b"\xff\x00{{{\n" * 100)
        (directory / f"foreign{number}" / "deep" / "er").mkdir(parents=True)
        make_run(directory / f".hidden{number}")
        (directory / f"empty{number}").mkdir()
    age(directory)
