"""When a layer is well: how its numbers are judged, for the bars of the table and of the column."""

from __future__ import annotations

import math

HEALTHY = -3.0
"""log10 of |update| / |weights| that is about right."""
DECADES = 3.0
"""Decades of the ratio that a bar shows either side of that."""


def ratio_bar(ratio: float | None) -> tuple[float, str]:
    """The share of its bar that an update ratio fills, the middle being right, and the colour."""
    if not ratio:
        return 0.0, "$muted"
    off = math.log10(ratio) - HEALTHY
    return 0.5 + off / (2 * DECADES), "$success" if abs(off) <= 1 else "$warning" if abs(off) <= 2 else "$error"


def ratio_word(ratio: float | None) -> str:
    """The same in a word, for those who see no colours; empty where all is well."""
    if not ratio:
        return ""
    off = math.log10(ratio) - HEALTHY
    return "" if abs(off) <= 1 else "high" if off > 0 else "low"


def dead_style(share: float | None) -> str:
    """The colour of a share of silent units."""
    return "$success" if not share or share < 0.2 else "$warning" if share < 0.5 else "$error"
