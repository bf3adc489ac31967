"""Finding again what a journal says of some steps: only the lines that measured them are read."""

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
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series

LIMIT = 32 << 20
"""Bytes of lines that are read for one look, at most."""
CHUNK = 1 << 20
_HEAD = re.compile(
    rb'\{"seq":\d+,"at":"[^"]*","run":"[^"]*","type":"(Scalars|LayersMeasured|EpochEnded|RolledBack)","step":(\d+)[,}]'
)
_MARK = 64
"""Bytes by which it knows its place again."""


@dataclass(frozen=True, slots=True)
class StepRange:
    """What the journal says from the step `first` to `last`: all series that were measured there, by name."""

    first: float
    last: float
    series: Mapping[str, Series]


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of one kind: where each begins, how long it is, and from after which step to which one it measures."""

    starts: array[int] = field(default_factory=lambda: array("q"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    befores: array[int] = field(default_factory=lambda: array("q"))
    lasts: array[int] = field(default_factory=lambda: array("q"))

    def add(self, start: int, size: int, last: int, *, columns: bool) -> None:
        """Note a line; `columns` where it measures all steps since the one before it."""
        known = self.lasts[-1] if self.lasts else -1
        if last <= known:
            return  # of steps that are known already
        self.starts.append(start)
        self.sizes.append(size)
        self.befores.append(known if columns else last - 1)
        self.lasts.append(last)

    def rewind(self, step: int) -> None:
        """Forget what came after a step."""
        keep = bisect_left(self.befores, step)
        for column in (self.starts, self.sizes, self.befores, self.lasts):
            del column[keep:]
        if keep:
            self.lasts[-1] = min(self.lasts[-1], step)

    def between(self, first: float, last: float) -> list[tuple[int, int, int]]:
        """Where the lines of some steps begin, how long they are, and how far each of them holds."""
        here = slice(bisect_left(self.lasts, first), bisect_left(self.befores, last))
        return list(zip(self.starts[here], self.sizes[here], self.lasts[here], strict=True))


class StepIndex:
    """Where in a journal which steps were measured. It goes on from where it was each time that it is asked.

    Every line says its steps in its head, so that none has to be understood for that. What an undo has taken back is
    not found any more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self._offset = 0
        self._tail = b""
        """The bytes before `_offset`: where others stand there now, the journal was cut back and has grown again."""
        self._lines: dict[bytes, _Lines] = {}

    def look(self, first: float, last: float, limit: int = LIMIT) -> StepRange | None:
        """What was measured from one step to another; None where that is more than `limit` bytes. Raises `OSError`."""
        self._go_on()
        places = sorted(place for lines in self._lines.values() for place in lines.between(first, last))
        if sum(size for _, size, _ in places) > limit:
            return None
        state = RunState()
        with open(self.path, "rb") as file:
            for start, size, holds in places:
                file.seek(start)
                try:
                    event = decode_event(file.read(size))
                except BadLine:
                    continue
                state.apply(event)
                if isinstance(event, ev.Scalars) and event.steps and event.steps[-1] > holds:
                    for series in state.series.values():
                        series.rewind(holds)
                sleep(0)  # whoever waits for the interpreter goes first: a look is never what a key waits for
        return StepRange(first, last, state.series)

    def _go_on(self) -> None:
        """Note the lines that have been written since. A journal that was cut back is gone through again."""
        with open(self.path, "rb") as file:
            file.seek(max(self._offset - len(self._tail), 0))
            if file.read(len(self._tail)) != self._tail:
                self._forget()
            file.seek(self._offset)
            rest = b""
            while data := file.read(CHUNK):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._note(line, self._offset)
                    self._offset += len(line) + 1
                    self._tail = line[-_MARK:] + b"\n"
                sleep(0)

    def _note(self, line: bytes, start: int) -> None:
        head = _HEAD.match(line)
        if head is None or not verify(line):
            return
        kind, step = head[1], int(head[2])
        if kind != b"RolledBack":
            self._lines.setdefault(kind, _Lines()).add(start, len(line), step, columns=kind == b"Scalars")
            return
        event = decode_event(line)
        if isinstance(event, ev.RolledBack) and event.restored is not None:
            for lines in self._lines.values():
                lines.rewind(step)
