"""Colours of runs: a preferred one from the name of each, resolved without collision within a set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zlib import crc32

HUES = 8
"""Hues that runs are told apart by, numbered from 0."""


def preferred_color(name: str) -> int:
    """Return the hue that a run prefers, from its name. A variant prefers the same one in every set."""
    return crc32(name.rpartition("/")[2].encode(errors="surrogateescape")) % HUES


def assign_colors(names: Iterable[str], stored: Mapping[str, int | None] | None = None) -> dict[str, int]:
    """Return a hue for each run of a set, each hue as seldom as possible. The order of the names does not matter.

    Args:
        names: names of the runs.
        stored: the hues that runs were given when their sets were made, by name. They come before the preferred ones.
    """
    known = {name: hue for name, hue in (stored or {}).items() if hue is not None}
    order = sorted(set(names), key=lambda name: (name not in known, name))
    used = [0] * HUES
    colors: dict[str, int] = {}
    for name in order:
        wanted = known.get(name, preferred_color(name)) % HUES
        least = min(used)
        colors[name] = next(hue % HUES for hue in range(wanted, wanted + HUES) if used[hue % HUES] == least)
        used[colors[name]] += 1
    return colors
