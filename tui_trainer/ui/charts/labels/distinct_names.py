"""Short names of layers that still differ: without the parts that all of them have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

LONGEST_NAME = 12
"""Cells of the longest name."""


def distinct_names(names: Sequence[str], cells: int = LONGEST_NAME) -> list[str]:
    """Shorten names to `cells` cells: block1.attention.qkv and block1.attention.out become qkv and out.

    Names that fit stay as they are. The first way to shorten them that keeps them different is taken: without the
    common parts at both ends, then the first and the last part of each, then only the numbers of the first parts, then
    the last parts, and at last their ends or both ends, as far as they fit.
    """
    for shorter in _ways(names, cells):
        if all(shorter) and len(set(shorter)) == len(set(names)) and max(map(len, shorter), default=0) <= cells:
            return shorter
    return [_both_ends(name, cells) for name in names]


def _ways(names: Sequence[str], cells: int) -> Iterator[list[str]]:
    yield list(names)
    parts = _without_common([name.split(".") for name in names])
    parts = [part[::-1] for part in _without_common([part[::-1] for part in parts])]
    yield [".".join(part) for part in parts]
    ends = [part if len(part) < 2 else [part[0], part[-1]] for part in parts]
    yield [".".join(end) for end in ends]
    yield [".".join([re.sub(r"^[A-Za-z_]+(?=\d)", "", end[0]), *end[1:]]) if len(end) > 1 else end[0] for end in ends]
    yield [part[-1] for part in parts]
    yield [name if len(name) <= cells else f"…{name[1 - cells :]}" for name in names]


def _without_common(names: list[list[str]]) -> list[list[str]]:
    """Return names, as lists of their parts, without the leading parts that all of them share; never empty."""
    if len(names) < 2:
        return names
    while all(len(name) > 1 for name in names) and len({name[0] for name in names}) == 1:
        names = [name[1:] for name in names]
    return names


def _both_ends(name: str, cells: int) -> str:
    head = cells // 2
    return name if len(name) <= cells else f"{name[:head]}…{name[head + 1 - cells :]}"
