"""Thresholds for the health of layers: update ratio and silent units, for bars and labels."""

from __future__ import annotations

import math

HEALTHY = -3.0
"""log10 of a healthy |update| / |weights| ratio."""
DECADES = 3.0
"""Decades of the ratio that a bar shows on either side of `HEALTHY`."""


def ratio_bar(ratio: float | None) -> tuple[float, str]:
    """Return the filled share of the bar of an update ratio (a healthy ratio fills half of it) and its colour."""
    if not ratio:
        return 0.0, "$muted"
    offset = math.log10(ratio) - HEALTHY
    return 0.5 + offset / (2 * DECADES), "$success" if abs(offset) <= 1 else "$warning" if abs(
        offset
    ) <= 2 else "$error"


def ratio_label(ratio: float | None) -> str:
    """Return "high", "low" or, for a healthy ratio, an empty text, so that the table is readable without colours."""
    if not ratio:
        return ""
    offset = math.log10(ratio) - HEALTHY
    return "" if abs(offset) <= 1 else "high" if offset > 0 else "low"


def silent_style(share: float | None) -> str:
    """Return the colour for a share of silent units."""
    return "$success" if not share or share < 0.2 else "$warning" if share < 0.5 else "$error"
