"""Load a coarse state from samples of a long journal, before all of it has been read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import BadLine, decode_event
from tui_trainer.state.run_state import RunState

SAMPLES = 128
"""Places in the journal that are read: about as many as a chart has columns."""
BLOCK = 1 << 16
"""Bytes that are read at each of them."""
MEASUREMENT_BYTES = 1 << 12
"""Bytes of measurement lines that are used at each of them."""


def sampled_load(path: Path) -> RunState:
    """Return a coarse state of a run: its beginning, its end, and a few steps of every part of it.

    The cost does not depend on the length of the journal. Anything between two samples is missing: a spike, a note, a
    checkpoint. Raises `OSError`.
    """
    state = RunState.blank()
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        end = max(size - BLOCK, 0)
        for sample in range(SAMPLES):
            for event in _events(file, sample * end // SAMPLES, MEASUREMENT_BYTES):
                state.apply(event)
        for event in _events(file, end, BLOCK):
            state.apply(event)
    return state


def _events(file: BinaryIO, start: int, measurement_bytes: int) -> Iterator[ev.AnyEvent]:
    """Yield the events of the complete lines after a byte, until there are enough measurements."""
    file.seek(start)
    lines = file.read(BLOCK).split(b"\n")[:-1]
    for line in lines if start == 0 else lines[1:]:
        try:
            event = decode_event(line)
        except BadLine:
            continue
        yield event
        measurement_bytes -= len(line) if isinstance(event, ev.Scalars) else 0
        if measurement_bytes <= 0:
            return
