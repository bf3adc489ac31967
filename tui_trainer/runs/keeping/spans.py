"""Spans of time in few characters."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = ((60.0, "s"), (60.0, "min"), (24.0, "h"), (7.0, "d"))


def span_text(seconds: float) -> str:
    """Return a span of time in its largest unit: 12 s, 3 min, 5 h, 6 d, 20 w."""
    left = max(seconds, 0.0)
    for count, unit in _STEPS:
        if left < count - 0.5:
            return f"{left:.1f} {unit}" if unit == "s" and left < 9.95 else f"{left:.0f} {unit}"
        left /= count
    return f"{left:.0f} w"


def age_of(started: str) -> float | None:
    """Return the seconds since a time in ISO 8601, None where it is not one."""
    try:
        at = datetime.fromisoformat(started)
        return max((datetime.now(UTC) - (at if at.tzinfo else at.replace(tzinfo=UTC))).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None
