"""Cache the state of a finished run next to its journal, so that a long run opens as fast as a short one.

The cache names its journal by length, and by a checksum of the bytes at its end. A cache that does not fit is ignored:
the run was resumed, a byte was altered, or another version wrote it. Then the journal is read.
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

MIN_BYTES = 1 << 20
"""Bytes of the shortest journal that is cached: reading a shorter one is faster than reading its state."""
END_BYTES = 4096
"""Bytes at the end of the journal that are compared."""
MAX_BYTES = 64 << 20
"""Bytes of the largest cache that is read."""


def cache_path(journal: Path) -> Path:
    """Return the path of a journal's state cache."""
    return journal.with_name(".fold.json")


def write_state_cache(journal: Path, state: RunState) -> None:
    """Cache the state that the full journal folds to, unless the journal is short. Raises `OSError`."""
    length = journal.stat().st_size
    if length < MIN_BYTES:
        return
    head = json.dumps({"version": __version__, "bytes": length, "end": _end_checksum(journal, length)})
    body = head[:-1].encode() + b',"state":' + state.model_dump_json().encode()
    replace_file(cache_path(journal), seal(body))


def read_state_cache(journal: Path) -> tuple[RunState, int] | None:
    """Return the cached state, and the bytes of the journal that it stands for; None where no cache fits."""
    # Checking that a cache exists does not import the models; reading one does.
    from pydantic import ValidationError

    from tui_trainer.state.run_state import RunState

    try:
        line = read_plain(cache_path(journal), MAX_BYTES)
        if not verify(line):
            return None
        cache = json.loads(line)
        length = int(cache["bytes"])
        if cache["version"] != __version__ or cache["end"] != _end_checksum(journal, length):
            return None
        return RunState.model_validate(cache["state"]), length
    except (OSError, ValueError, LookupError, TypeError, OverflowError, RecursionError, ValidationError):
        return None


def _end_checksum(journal: Path, length: int) -> str:
    """Return the CRC-32 of the bytes before `length`, in eight hex digits; empty where the journal is shorter."""
    with open(journal, "rb") as file:
        if file.seek(0, os.SEEK_END) < length:
            return ""
        file.seek(max(0, length - END_BYTES))
        return f"{zlib.crc32(file.read(min(END_BYTES, length))):08x}"
