"""Index a journal by step, to read again only the lines that measured some steps."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.checksum import BadLine, verify
from tui_trainer.protocol.codec import decode_event
from tui_trainer.state.branching.rewind import MAX_UNDONE
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series

LIMIT = 32 << 20
"""Bytes of lines that one call of `StepIndex.read` reads at most."""
CHUNK = 1 << 20
"""Bytes that are indexed at a time."""
_HEAD = re.compile(
    rb'\{"seq":\d+,"at":"[^"]*","run":"[^"]*","type":"(Scalars|LayersMeasured|EpochEnded|RolledBack)","step":(\d+)[,}]'
)
_TAIL_BYTES = 64
"""Bytes before the indexed position that are compared to notice that the journal was cut back."""


@dataclass(frozen=True, slots=True)
class StepRange:
    """The measurements from step `first` to step `last`: every series by name."""

    first: float
    last: float
    series: Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of one event type: start and length of each in bytes, the step before its first, and its last step."""

    starts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    befores: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[int] = field(default_factory=lambda: array("q"))

    def add(self, start: int, size: int, last: int, *, columns: bool) -> None:
        """Add a line. With `columns` it measures every step since the line before it."""
        known = self.lasts[-1] if self.lasts else -1
        if last <= known:
            return  # these steps are indexed already
        self.starts.append(start)
        self.sizes.append(size)
        self.befores.append(known if columns else last - 1)
        self.lasts.append(last)

    def split(self, step: int) -> _Lines:
        """Remove the lines after a step and return them, the one that reaches past it first."""
        keep, rest = bisect_left(self.befores, step), _Lines()
        whole = keep - 1 if keep and self.lasts[keep - 1] > step else keep
        for own, other in zip(self.columns, rest.columns, strict=True):
            other.extend(own[whole:])
            del own[keep:]
        if keep:
            self.lasts[-1] = min(self.lasts[-1], step)
        return rest

    def join(self, step: int, rest: _Lines) -> None:
        """Replace the lines after a step by those that `split` removed there."""
        self.split(step)
        if rest.starts and self.starts[-1:] == rest.starts[:1]:
            for own in self.columns:
                own.pop()
        for own, other in zip(self.columns, rest.columns, strict=True):
            own.extend(other)

    @property
    def columns(self) -> tuple[array[int], ...]:
        """The four columns."""
        return self.starts, self.sizes, self.befores, self.lasts

    def between(self, first: float, last: float) -> list[tuple[int, int, int]]:
        """Return start, length and last valid step of each line that measures steps in this range."""
        here = slice(bisect_left(self.lasts, first), bisect_left(self.befores, last))
        return list(zip(self.starts[here], self.sizes[here], self.lasts[here], strict=True))


class StepIndex:
    """The positions in a journal at which each step was measured. Each call indexes the lines added since the last one.

    A line names its steps in its first bytes, so that indexing does not decode it. Steps that an undo removed are not
    found, unless a redo brought them back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reset()

    def _reset(self) -> None:
        self._offset = 0
        self._tail = b""
        """The bytes before `_offset`. If they differ now, the journal was cut back and has grown again."""
        self._lines: dict[bytes, _Lines] = {}
        self._undone: list[tuple[int, dict[bytes, _Lines]]] = []
        """The step that each undo went back to, and the lines that it removed, for a redo."""

    def read(self, first: float, last: float, limit: int = LIMIT) -> StepRange | None:
        """Read the measurements from one step to another. Returns None above `limit` bytes; raises `OSError`."""
        self._update()
        ranges = sorted(line for lines in self._lines.values() for line in lines.between(first, last))
        if sum(size for _, size, _ in ranges) > limit:
            return None
        state = RunState()
        with open(self.path, "rb") as file:
            for start, size, last_valid in ranges:
                file.seek(start)
                try:
                    event = decode_event(file.read(size))
                except BadLine:
                    continue
                state.apply(event)
                if isinstance(event, ev.Scalars) and event.steps and event.steps[-1] > last_valid:
                    for series in state.series.values():
                        series.rewind(last_valid)
                sleep(0)  # let other threads run: a key press must not wait for this one
        return StepRange(first, last, state.series)

    def _update(self) -> None:
        """Index the lines that were added. A journal that was cut back is indexed again from its beginning."""
        with open(self.path, "rb") as file:
            file.seek(max(self._offset - len(self._tail), 0))
            if file.read(len(self._tail)) != self._tail:
                self._reset()
            file.seek(self._offset)
            rest = b""
            while data := file.read(CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._add(line, self._offset)
                    self._offset += len(line) + 1
                    self._tail = line[-_TAIL_BYTES:] + b"\n"
                sleep(0)

    def _add(self, line: bytes, start: int) -> None:
        head = _HEAD.match(line)
        if head is None or not verify(line):
            return
        kind, step = head[1], int(head[2])
        if kind != b"RolledBack":
            self._lines.setdefault(kind, _Lines()).add(start, len(line), step, columns=kind == b"Scalars")
            return
        event = decode_event(line)
        if not isinstance(event, ev.RolledBack) or event.restored is None:
            return
        if not event.restored.redone:
            removed = {name: lines.split(step) for name, lines in self._lines.items()}
            self._undone = [*self._undone[1 - MAX_UNDONE :], (step, removed)]
        elif self._undone:
            back, removed = self._undone.pop()
            for name, lines in self._lines.items():
                lines.join(back, removed.get(name, _Lines()))
