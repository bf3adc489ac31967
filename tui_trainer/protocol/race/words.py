"""The words for a race, for the log and for scripts."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.protocol.race.race_events import Raced, RaceLane
from tui_trainer.text import number


def describe_race(event: Raced, duration: Callable[[float], str], size: Callable[[float], str]) -> str:
    """Describe a price, an outcome, or a race that was cancelled, in one line."""
    count = f"{len(event.lanes)} x {event.steps} step{'s' if event.steps != 1 else ''}"
    if event.priced:
        price = f"{count}, about {duration(event.seconds)}, copies of {size(event.bytes)}"
        return f"race: {price}; then the run is where it was, and waits for a choice"
    if event.interrupted:
        return "race cancelled; the run is as it was"
    results = "; ".join(f"{place} {lane.settings}: {result_of(lane)}" for place, lane in enumerate(event.lanes, 1))
    best = f"; best {event.best}" if event.best else ""
    return f"race of {count}: {results}{best}; take-race N takes one, take-race none goes on"


def result_of(lane: RaceLane) -> str:
    """Return the losses that one of the settings came to, or why it ended early."""
    if lane.broke:
        return lane.broke
    validated = lane.metrics.get("val_loss")
    return f"loss {number(lane.loss)}" + (f", val_loss {number(validated)}" if validated is not None else "")
