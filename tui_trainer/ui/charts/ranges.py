"""How much of each axis is visible. Both rules move in jumps, so that a living chart stands still between them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.model import Curve, Scale
from tui_trainer.ui.charts.ticks import linear, logarithmic, nice

FIRST_STEPS = 10
"""Steps that the axis of a run has room for from the beginning."""
AIR = 0.02
"""Share of the range that is left free at either end."""
_JUMPS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LARGEST = 4e307
DEEP = 1e-32
"""How far below 1, or below the largest value where that is smaller, a logarithmic axis reaches: the square of what
float64 tells apart, as a squared distance from where a method has arrived."""
TAIL = 0.02
"""Share of the columns that may lie outside the usual range at either end."""
ROOM = 2.0
"""How many times as high as the usual range the visible one may become for the sake of rare values."""


def reach(ruler: Ruler, step: int, planned: int, over: bool) -> float:
    """The right end of the axis when the whole run is shown.

    A run that is over ends where it ended. A living one has an axis that grows in jumps of a quarter to a half, and at
    once to the planned end where that is near.
    """
    here = ruler.place(max(step, 1))
    if over:
        return here
    end = jump(ruler.place(max(step, FIRST_STEPS)))
    if ruler.axis == "time" or ruler.clock is not None or planned < step:
        return end
    last = ruler.place(max(planned, 1))
    return last if end > last / 1.3 else end


def jump(value: float) -> float:
    """The smallest round number that is not below `value`."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next((factor * power for factor in _JUMPS if value <= factor * power * (1 + 1e-9)), 10 * power)


def vertical(
    curves: Sequence[Curve],
    rows: int,
    *,
    log: bool,
    firm: Sequence[float] = (),
    spare: Sequence[float] = (),
    cut: bool = True,
) -> Scale:
    """The vertical axis.

    On a linear axis a few columns far outside the usual range (fewer than one in fifty at either end) do not stretch
    it: what lies beyond it by more than its height is cut off, and marked at the edge with an arrow and its
    value. A logarithmic axis shows all that is more than rounding, and one with `cut` off everything.

    Args:
        curves: what is drawn.
        rows: cells of the plot's height.
        log: whether the axis is logarithmic.
        firm: values that are visible in any case (where the curves stand now, the best).
        spare: values that are visible where they do not stretch the axis by more than a third (reference lines).
        cut: whether rare values may be cut off.
    """
    if log:
        return _log_scale([v for curve in curves for v in (*curve.low, *curve.high)] + [*firm], rows)
    low, high = _linear_ends(curves, firm, cut)
    width = high - low
    for value in sorted(spare, key=lambda value: abs(value - (low + high) / 2)):
        if low - width / 3 <= value <= high + width / 3:
            low, high = min(low, value), max(high, value)
    return _linear_scale(low, high, rows)


def _linear_ends(curves: Sequence[Curve], firm: Sequence[float], cut: bool) -> tuple[float, float]:
    lows = sorted(_within(v) for curve in curves for v in curve.low)
    highs = sorted(_within(v) for curve in curves for v in curve.high)
    certain = [_within(value) for value in firm]
    if not lows:
        return (min(certain), max(certain)) if certain else (0.0, 1.0)
    if not cut or len(lows) < 8:
        return min(lows[0], *certain, highs[-1]), max(highs[-1], *certain, lows[0])
    spared = max(1, int(len(lows) * TAIL))
    usual_low, usual_high = lows[spared], highs[-1 - spared]
    usual_low, usual_high = min(usual_low, usual_high, *certain), max(usual_low, usual_high, *certain)
    room = (usual_high - usual_low) * (ROOM - 1)
    low = next(value for value in lows if value >= usual_low - room)
    high = next(value for value in reversed(highs) if value <= usual_high + room)
    return min(low, usual_low), max(high, usual_high)


def _linear_scale(low: float, high: float, rows: int) -> Scale:
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-9 or high - low < 1e-300:
        margin = size * 0.05 if size > 1e-290 else 1.0
        low, high = low - margin, high + margin
    step = nice((high - low) / _ticks_in(rows))
    part, air = step / 4, (high - low) * AIR
    # Whole parts of a tick: the ends stay where they are while the values move a little.
    bottom, top = math.floor((low - air) / part) * part, math.ceil((high + air) / part) * part
    bottom = 0.0 if low >= 0 > bottom else bottom
    return Scale(bottom, top, tuple(linear(bottom, top, step)))


def _log_scale(values: Sequence[float], rows: int) -> Scale:
    positive = [_within(value) for value in values if value > 1e-300]
    low, high = (min(positive), max(positive)) if positive else (0.1, 10.0)
    low = max(low, DEEP * min(high, 1.0))
    if high / low < 1.5:
        low, high = low / 1.25, high * 1.25
    low, high = _round_down(low), _round_up(high)
    return Scale(low, high, tuple(logarithmic(low, high, _ticks_in(rows))), log=True)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next((factor * power for factor in (5, 2) if factor * power <= value * (1 + 1e-9)), power)


def _round_up(value: float) -> float:
    return min(nice(value), _LARGEST)


def _ticks_in(rows: int) -> int:
    return min(max(rows // 2, 1), 8)


def _within(value: float) -> float:
    """A value whose differences stay finite."""
    return min(max(value, -_LARGEST), _LARGEST)
