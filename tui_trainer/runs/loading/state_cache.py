"""What a long journal folds to, kept beside it: a finished run of any length opens like a short one.

Only ever a shortcut. It names the journal that it stands for by length and by the bytes at its end; one that does not
fit (the run was resumed, a byte was altered, another version wrote it) is passed over, and the journal is read.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from tui_trainer import __version__
from tui_trainer.protocol.checksum import seal, verify
from tui_trainer.runs.atomic_write import read_plain, replace_file

if TYPE_CHECKING:
    from tui_trainer.state.run_state import RunState

WORTH = 1 << 20
"""Bytes of journal from which on reading it takes longer than reading what it folds to."""
END = 4096
"""Bytes at the journal's end that are compared."""
MAX_BYTES = 64 << 20


def fold_path(journal: Path) -> Path:
    """Where the fold of a journal is kept."""
    return journal.with_name(".fold.json")


def write_fold(journal: Path, state: RunState) -> None:
    """Keep the state to which the whole journal folds, where that is worth it. Raises `OSError`."""
    length = journal.stat().st_size
    if length < WORTH:
        return
    head = json.dumps({"version": __version__, "bytes": length, "end": _end(journal, length)})
    body = head[:-1].encode() + b',"state":' + state.model_dump_json().encode()
    replace_file(fold_path(journal), seal(body))


def read_fold(journal: Path) -> tuple[RunState, int] | None:
    """The state to which the beginning of the journal folds, and the bytes of that beginning; None where none fits."""
    # Only who reads one waits for the models: whether there is one can be seen without.
    from pydantic import ValidationError

    from tui_trainer.state.run_state import RunState

    try:
        line = read_plain(fold_path(journal), MAX_BYTES)
        if not verify(line):
            return None
        kept = json.loads(line)
        length = int(kept["bytes"])
        if kept["version"] != __version__ or kept["end"] != _end(journal, length):
            return None
        return RunState.model_validate(kept["state"]), length
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError, ValidationError):
        return None


def _end(journal: Path, length: int) -> str:
    """What stands before the byte at `length`, in eight characters; empty where the journal is shorter than that."""
    with open(journal, "rb") as file:
        if file.seek(0, os.SEEK_END) < length:
            return ""
        file.seek(max(0, length - END))
        return f"{zlib.crc32(file.read(min(END, length))):08x}"
