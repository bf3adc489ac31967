"""A long journal at a glance: lines from all over it, before all of it has been read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import BadLine, decode_event
from tui_trainer.state.run_state import RunState

PLACES = 128
"""Places that are looked at: about as many as a chart has columns."""
BLOCK = 1 << 16
"""Bytes that are read at each of them."""
ENOUGH = 1 << 12
"""Bytes of lines with measurements that are taken there."""


def sampled_load(path: Path) -> RunState:
    """What the run looks like from afar: where it began, how it ended, and a little of every part of it.

    It costs the same whatever the length of the journal. What is between the places is not in it: a spike, a note, a
    checkpoint. Raises `OSError`.
    """
    state = RunState()
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        end = max(size - BLOCK, 0)
        for place in range(PLACES):
            for event in _events(file, place * end // PLACES, ENOUGH):
                state.apply(event)
        for event in _events(file, end, BLOCK):
            state.apply(event)
    return state


def _events(file: BinaryIO, start: int, enough: int) -> Iterator[ev.AnyEvent]:
    """The events of the whole lines after a byte, until there are enough measurements."""
    file.seek(start)
    lines = file.read(BLOCK).split(b"\n")[:-1]
    for line in lines if start == 0 else lines[1:]:
        try:
            event = decode_event(line)
        except BadLine:
            continue
        yield event
        enough -= len(line) if isinstance(event, ev.Scalars) else 0
        if enough <= 0:
            return
