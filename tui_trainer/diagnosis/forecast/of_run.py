"""The forecast of a run, and the line that says it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from tui_trainer.diagnosis.forecast.forecast import Forecast, forecast
from tui_trainer.protocol.describe import duration
from tui_trainer.state.drills.veil import is_veiled
from tui_trainer.state.run_state import RunState

AHEAD = 10
"""Epochs that are looked ahead, or those that are left where these are fewer."""
NEAREST = 3
"""Fewest epochs that are worth a forecast."""
LOSS = "val_loss"
_CHANGES = frozenset("lsogkbuUE")
"""Letters of the marks after which the curve is another one."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The loss that a run has still to gain.

    Attributes:
        forecast: the change of the validation loss.
        seconds: that the epochs take, as long as those before; 0 where that is not known.
    """

    forecast: Forecast
    seconds: float


def gain_of(state: RunState) -> Gain | None:
    """Return what the next epochs of a run are likely to change; None where nothing can be said."""
    series, left = state.series.get(LOSS), state.epochs - state.epoch
    if series is None or is_veiled(state) or state.reason in ("not-finite", "failed") or state.foreign:
        return None
    ahead = min(AHEAD, left) if left > 0 and not state.over else AHEAD
    if ahead < NEAREST:
        return None
    changed = max((mark.step for mark in state.marks if mark.letter in _CHANGES and mark.step <= state.step), default=0)
    origin = state.epoch_at(changed)
    points = [(state.epoch_at(step) - origin, value) for step, value in zip(series.steps, series.values, strict=True)]
    points = [point for point in points if point[0] > 0]
    found = _forecast(tuple(points), ahead)
    if found is None:
        return None
    return Gain(found, state.seconds / state.epoch * ahead if state.epoch else 0.0)


@lru_cache(maxsize=64)
def _forecast(points: tuple[tuple[float, float], ...], ahead: int) -> Forecast | None:
    """Return the forecast for the points of a curve. A screen asks for the same one at each redraw."""
    return forecast([epoch for epoch, _ in points], [value for _, value in points], ahead)


def change_text(found: Forecast) -> str:
    """Return the change with its interval, in as many digits as the interval allows: `-0.003 (-0.006 to 0.000)`."""
    width = found.high - found.low
    digits = min(max(1 - math.floor(math.log10(width)), 0), 12) if width > 0 else 3
    change, low, high = (f"{value + 0.0:.{digits}f}" for value in (found.change, found.low, found.high))
    zero = f"{0.0:.{digits}f}"
    change, low, high = (zero if one == f"-{zero}" else one for one in (change, low, high))
    return f"{change} ({low} to {high})"


def gain_line(state: RunState) -> str:
    """Return the forecast in one line, empty where nothing can be said."""
    gain = gain_of(state)
    if gain is None:
        return ""
    time = f", {duration(gain.seconds)}" if gain.seconds else ""
    return f"{gain.forecast.epochs} more epochs: val loss about {change_text(gain.forecast)}{time}"
