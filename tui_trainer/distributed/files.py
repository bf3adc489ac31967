"""The files of a run that several processes train: their logs, and the note of how it ended where rank 0 is gone."""

from __future__ import annotations

import json
from pathlib import Path

from tui_trainer.runs.atomic_write import read_plain
from tui_trainer.text import terminal_line


def ranks_dir(folder: Path) -> Path:
    """Return the folder with the files of the ranks."""
    return folder / "ranks"


def rank_log(folder: Path, rank: int) -> Path:
    """Return the file of what a rank printed; that of rank 0 is `host.log`."""
    return ranks_dir(folder) / f"rank-{rank}.log"


def ended_note(folder: Path) -> Path:
    """Return the note beside the journal that says why the run ended."""
    return folder / "ended.json"


def read_ended(folder: Path) -> str:
    """Return why a run ended whose rank 0 is gone; empty where no note says so."""
    try:
        return terminal_line(str(json.loads(read_plain(str(ended_note(folder)), 1 << 16))["reason"]))[:1000]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
