"""Put rows in order: steps that go back are a restart, or were written out of order."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import lt

from tui_trainer.readers.numbers import worth_numpy

MOST_PIECES = 4
"""Rows with more descents than one in so many are out of order altogether."""
FEWEST = 3
"""Rows that must repeat steps before a descent counts as a restart."""


@dataclass(slots=True)
class Piece:
    """Rows with ascending steps.

    Attributes:
        rows: their indices; None for all of them.
        restart: whether the series goes back to the first of them.
    """

    rows: list[int] | None
    restart: bool = False


@dataclass(slots=True)
class Arranged:
    """Pieces in order, and the number of rows that came too late to be put into their place."""

    pieces: list[Piece]
    late: int = 0


def arrange(steps: Sequence[int], last: int | None) -> Arranged:
    """Arrange rows behind those that were read before.

    A later row wins over an earlier one of the same step. Steps that go back and go on from there are a restart; a row
    or two that are out of place are put into it, as far as that lies among these rows.

    Args:
        steps: the step of each row.
        last: the last step so far, None at the beginning.
    """
    if not len(steps) or ((last is None or steps[0] > last) and ascend(steps)):
        return Arranged([Piece(None)])
    starts = [0, *(at for at in range(1, len(steps)) if steps[at] < steps[at - 1])]
    parts = [list(range(a, b)) for a, b in zip(starts, [*starts[1:], len(steps)], strict=True)]
    if len(parts) > max(2, len(steps) // MOST_PIECES):
        return _finished([_Part(list(range(len(steps))), False)], steps, last)
    high = last if last is not None else -1
    kept: list[_Part] = []
    for part in parts:
        inside = sum(steps[row] <= high for row in part) if steps[part[0]] < high else 0
        if inside >= FEWEST:
            kept.append(_Part(part, True))
            high = steps[part[-1]]
        else:
            if kept:
                kept[-1].rows += part
            else:
                kept.append(_Part(part, False))
            high = max(high, steps[part[-1]])
    return _finished(kept, steps, last)


def ascend(steps: Sequence[int]) -> bool:
    """Return whether each step is larger than the one before."""
    if not isinstance(steps, array) or not worth_numpy(len(steps)):
        return all(map(lt, steps, steps[1:]))
    import numpy as np

    numbers = np.frombuffer(steps, np.int64)
    return bool((numbers[1:] > numbers[:-1]).all())


@dataclass(slots=True)
class _Part:
    rows: list[int]
    restart: bool


def _finished(parts: list[_Part], steps: Sequence[int], last: int | None) -> Arranged:
    """Sort the rows of each part; a later row of the same step wins."""
    pieces: list[Piece] = []
    late = 0
    for part in parts:
        by_step = {steps[row]: row for row in part.rows}
        if not part.restart and last is not None and not pieces:
            before = len(by_step)
            by_step = {step: row for step, row in by_step.items() if step >= last}
            late += before - len(by_step)
        if not by_step:
            continue
        rows = [by_step[step] for step in sorted(by_step)]
        again = part.restart or (last is not None and not pieces and steps[rows[0]] == last)
        pieces.append(Piece(rows, again))
    return Arranged(pieces, late)
