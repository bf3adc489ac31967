"""The words for a race, for the log and for scripts."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.protocol.race.race_events import Raced, RaceLane
from tui_trainer.protocol.race.trial_events import Pull, StepTried
from tui_trainer.text import number


def describe_race(event: Raced, duration: Callable[[float], str], size: Callable[[float], str]) -> str:
    """Describe a price, an outcome, or a race that was cancelled, in one line."""
    count = f"{len(event.lanes)} x {event.steps} step{'s' if event.steps != 1 else ''}"
    if event.priced:
        price = f"{count}, about {duration(event.seconds)}, copies of {size(event.bytes)}"
        return f"race: {price}; then the run is where it was, and waits for a choice{warned(event.warning)}"
    if event.interrupted:
        return "race cancelled; the run is as it was"
    results = "; ".join(f"{place} {lane.settings}: {result_of(lane)}" for place, lane in enumerate(event.lanes, 1))
    best = f"; best {event.best}" if event.best else ""
    return f"race of {count}: {results}{best}; take-race N takes one, take-race none goes on"


def warned(warning: str) -> str:
    """Return what a trial does not put back, as the end of a line."""
    return f"; {warning}" if warning else ""


def describe_trial(event: StepTried) -> str:
    """Describe a batch that was tried in one line: the change of its loss at each rate, and the hardest pulls."""
    rates = ", ".join(
        f"{number(trial.rate, 3)}: {signed(trial.predicted)} -> {signed(trial.measured)}" for trial in event.rates
    )
    hardest = ", ".join(f"{name_of(pull)} {number(pull.norm, 3)}" for pull in event.pulls[:3])
    pulls = f"; hardest pull: {hardest} (median {number(event.median_pull, 3)})" if hardest else ""
    batch = f"batch of {event.samples}, loss {number(event.loss)}, gradient {number(event.grad_norm, 3)}"
    return f"tried: {batch}; change predicted -> measured at rate {rates}{pulls}; taken back"


def signed(value: float | None) -> str:
    """Return a change with its sign."""
    return ("+" if value is not None and value > 0 else "") + number(value, 3)


def name_of(pull: Pull) -> str:
    """Return the number of a sample, in the training data where it is known, with its label."""
    name = f"#{pull.index}" if pull.index is not None else f"{pull.place + 1} of the batch"
    return f"{name} ({pull.label})" if pull.label else name


def result_of(lane: RaceLane) -> str:
    """Return the losses that one of the settings came to, or why it ended early."""
    if lane.broke:
        return lane.broke
    validated = lane.metrics.get("val_loss")
    return f"loss {number(lane.loss)}" + (f", val_loss {number(validated)}" if validated is not None else "")
