"""The change of the validation loss in the next epochs, with an interval of 80 %, or nothing where the fit is poor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.diagnosis.forecast.tail_fit import TailFit, fit_tail

LEAST = 8
"""Fewest validations that are fitted."""
MOST = 24
"""Newest validations that are fitted."""
SHARE = 0.4
"""Share of the curve that is its tail."""
COVERS = 0.8
"""Share of the runs in which the interval is to hold the truth."""
BELOW, ABOVE = -1.27, 1.35
"""Quantiles of (truth - fit) / scale on runs that were set aside (`scripts/measure_forecast.py --calibrate`). They are
of other presets than those of the table in docs/forecast.md."""
NEWEST, APART, NEGLIGIBLE = 3, 4.0, 0.02
"""The newest points are compared with a fit of those before; nothing is said where they lie so many scales apart."""
BACK = (4, 6, 8)
"""Validations before the newest one, after each of which a forecast of it is made to see how good they are."""
MISSED = 2.0
"""Scales from which on one of these has missed. Nothing is said where more than half of them have."""
LOUD = 0.2
"""Noise as a share of the loss above which nothing is said."""
OF_CHANGE = 0.35
"""Share of the fitted change in the scale: what is extrapolated farther is known less well."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast.

    Attributes:
        epochs: how many are looked ahead.
        change: of the loss until then.
        low, high: its interval.
    """

    epochs: int
    change: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The fitted change, and the unit in which its error is measured."""

    change: float
    scale: float


def extrapolate(epochs: Sequence[float], values: Sequence[float], ahead: float) -> Extrapolation | None:
    """Fit the tail of a curve and continue it; None where there are too few points, or the fit is poor.

    Args:
        epochs: of the validations, counted from 1 or from the last intervention.
        values: of the loss.
        ahead: epochs from the last validation on.
    """
    count = len(values)
    if count < LEAST or ahead <= 0 or not all(map(math.isfinite, values)):
        return None
    kept = min(max(round(SHARE * count), LEAST), MOST)
    times, tail = list(epochs[-kept:]), list(values[-kept:])
    if _has_left(times, tail):
        return None
    fit = fit_tail(times, tail)
    change = fit.at(times[-1] + ahead) - tail[-1]
    scale = _scale(fit, times[-1], times[-1] + ahead)
    if not scale or fit.noise > LOUD * abs(tail[-1]) or scale > max(values) - min(values):
        return None
    return Extrapolation(change, scale)


def has_missed(epochs: Sequence[float], values: Sequence[float]) -> bool:
    """Return whether most of the forecasts of the newest value, made at earlier validations, were far from it."""
    missed: list[bool] = []
    for back in BACK:
        at = len(values) - 1 - back
        earlier = extrapolate(epochs[: at + 1], values[: at + 1], epochs[-1] - epochs[at]) if at >= 0 else None
        if earlier is not None:
            missed.append(abs(values[-1] - values[at] - earlier.change) > MISSED * earlier.scale)
    return 2 * sum(missed) > len(missed)


def _scale(fit: TailFit, last: float, until: float) -> float:
    """Return the unit of the error: the noise, and a share of what is extrapolated."""
    return fit.noise + OF_CHANGE * abs(fit.at(until) - fit.at(last))


def _has_left(times: Sequence[float], tail: Sequence[float]) -> bool:
    """Return whether the newest points lie far from the curve of those before."""
    fit = fit_tail(times[:-NEWEST], tail[:-NEWEST])
    errors = [value - fit.at(time) for time, value in zip(times[-NEWEST:], tail[-NEWEST:], strict=True)]
    scale = _scale(fit, times[-NEWEST - 1], times[-1]) + NEGLIGIBLE * (max(tail) - min(tail))
    return abs(sum(errors) / NEWEST) > APART * scale


def forecast(epochs: Sequence[float], values: Sequence[float], ahead: int) -> Forecast | None:
    """Return the forecast of a validation loss; None where nothing can be said.

    Args:
        epochs: of the validations, counted from 1 or from the last intervention.
        values: of the loss.
        ahead: epochs from the last validation on.
    """
    found = extrapolate(epochs, values, ahead)
    if found is None or has_missed(epochs, values):
        return None
    low, high = found.change + BELOW * found.scale, found.change + ABOVE * found.scale
    return Forecast(ahead, min(max(found.change, low), high), low, high)
