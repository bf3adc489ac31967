"""Short labels for runs: `digits-cnn d0be · today 19:16` for the folder 2026-11-28_191611_digits-cnn_d0be."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from tui_trainer.paths import GENERATED_NAME

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEPARATOR = " · "


def short_name(name: str) -> str:
    """Return the name of a run without its date: `digits-cnn d0be`, `init-grid af0c/relu`; others as they are."""
    top, slash, variant = name.partition("/")
    found = GENERATED_NAME.fullmatch(top)
    return f"{found['preset']} {found['id']}{slash}{variant}" if found else name


def label(name: str, started: str = "", now: datetime | None = None) -> str:
    """Return the label of a run: its short name and its start in local time.

    Args:
        name: the name of its folder, `group/variant` for a variant.
        started: the time in its about.json, which stands in for the one in the name where that has none.
        now: the present time in the local zone.
    """
    at = _started(name, started)
    return short_name(name) if at is None else f"{short_name(name)}{_SEPARATOR}{day_and_time(at, now)}"


def _started(name: str, started: str) -> datetime | None:
    """Return the local time at which a run started, None where neither its name nor its files tell."""
    found = GENERATED_NAME.fullmatch(name.partition("/")[0])
    try:
        if found:
            return datetime.strptime(found["time"], "%Y-%m-%d_%H%M%S")
        if re.match(r"\d{4}-\d\d-\d\dT", started):
            return datetime.fromisoformat(started).astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def day_and_time(at: datetime, now: datetime | None = None) -> str:
    """Return a local time as people say it: today 19:16, yesterday 19:16, Monday 19:16, 28 Nov 19:16, 28 Nov 2025."""
    today = (now or datetime.now()).date()
    day, clock = at.date(), f"{at:%H:%M}"
    if day == today:
        return f"today {clock}"
    if day == today - timedelta(days=1):
        return f"yesterday {clock}"
    if timedelta(days=1) < today - day < timedelta(days=7):
        return f"{WEEKDAYS[day.weekday()]} {clock}"
    written = f"{day.day} {MONTHS[day.month - 1]}"
    return f"{written} {clock}" if day.year == today.year else f"{written} {day.year}"
