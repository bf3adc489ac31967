"""The colour number of each run of a set."""

from __future__ import annotations

from collections.abc import Mapping
from zlib import crc32

COLORS = 8
"""Colours that runs can have."""


def color_numbers(names: Mapping[str, int | None]) -> dict[str, int]:
    """Return a colour number below `COLORS` for each run name.

    A stored number is kept. Other names have a preferred number of their own; where two prefer the same, the first in
    the order of the names has it and the other one the next that is free. So the numbers do not depend on the order
    in which the runs are opened. The first eight runs differ from each other if no stored numbers are equal.

    Args:
        names: the stored colour number of each run name, None without one.
    """
    numbers = {name: stored % COLORS for name, stored in names.items() if stored is not None}
    uses = [0] * COLORS
    for number in numbers.values():
        uses[number] += 1
    for name in sorted(name for name, stored in names.items() if stored is None):
        preferred = crc32(name.encode("utf-8", "surrogatepass")) % COLORS
        turns = (turn % COLORS for turn in range(preferred, preferred + COLORS))
        number = min(turns, key=lambda number: uses[number])
        numbers[name] = number
        uses[number] += 1
    return numbers
