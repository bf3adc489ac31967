"""The visible range of each axis. Both axes grow in jumps, so that the chart of a running run is stable in between."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.model import Curve, Scale
from tui_trainer.ui.charts.ticks import linear_ticks, log_ticks, nice

FIRST_STEPS = 10
"""Shortest horizontal axis, in steps."""
MARGIN_SHARE = 0.02
"""Share of the range left free at either end."""
_ROUND_FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LARGEST = 4e307
LOG_DEPTH = 1e-32
"""Lowest end of a logarithmic axis, relative to 1 or to the largest value if that is smaller: about the square of the
float64 epsilon, because a squared distance to the optimum below it is rounding error."""
OUTLIER_SHARE = 0.02
"""Share of the columns at either end that count as outliers."""
MAX_STRETCH = 2.0
"""Largest ratio of the visible range to the range without outliers."""


def axis_end(ruler: Ruler, step: int, planned: int, over: bool) -> float:
    """Return the right end of the horizontal axis without zoom.

    The axis of a finished run ends at its last step. The axis of a running run grows in jumps of a quarter to a half,
    and to the planned end as soon as that is near.
    """
    if over:
        return ruler.position(max(step, 1))
    end = round_up_end(ruler.position(max(step, FIRST_STEPS)))
    if ruler.axis == "time" or ruler.clock is not None or planned < step:
        return end
    last = ruler.position(max(planned, 1))
    return last if end > last / 1.3 else end


def round_up_end(value: float) -> float:
    """Return the smallest round number that is not below `value`."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next((factor * power for factor in _ROUND_FACTORS if value <= factor * power * (1 + 1e-9)), 10 * power)


def vertical_scale(
    curves: Sequence[Curve],
    rows: int,
    *,
    log: bool,
    required: Sequence[float] = (),
    optional: Sequence[float] = (),
    trim: bool = True,
) -> Scale:
    """Return the vertical axis that fits the curves.

    On a linear axis rare outliers (fewer than one column in fifty at either end) do not stretch the range: outliers
    farther away than the height of that range are left out, and the builder marks them at the edge with an arrow and
    a value. A logarithmic axis shows everything above rounding error; an axis without `trim` shows everything.

    Args:
        curves: the curves to fit.
        rows: height of the plot in cells.
        log: whether the axis is logarithmic.
        required: values that are always visible (newest values, the best epoch).
        optional: values that are visible if they stretch the axis by at most a third (reference lines).
        trim: whether outliers may be left out.
    """
    if log:
        return _log_scale([v for curve in curves for v in (*curve.low, *curve.high)] + [*required], rows)
    low, high = _linear_ends(curves, required, trim)
    width = high - low
    for value in sorted(optional, key=lambda value: abs(value - (low + high) / 2)):
        if low - width / 3 <= value <= high + width / 3:
            low, high = min(low, value), max(high, value)
    return _linear_scale(low, high, rows)


def _linear_ends(curves: Sequence[Curve], required: Sequence[float], trim: bool) -> tuple[float, float]:
    lows = sorted(_limited(v) for curve in curves for v in curve.low)
    highs = sorted(_limited(v) for curve in curves for v in curve.high)
    required = [_limited(value) for value in required]
    if not lows:
        return (min(required), max(required)) if required else (0.0, 1.0)
    if not trim or len(lows) < 8:
        return min(lows[0], *required, highs[-1]), max(highs[-1], *required, lows[0])
    outliers = max(1, int(len(lows) * OUTLIER_SHARE))
    usual_low, usual_high = lows[outliers], highs[-1 - outliers]
    usual_low, usual_high = min(usual_low, usual_high, *required), max(usual_low, usual_high, *required)
    room = (usual_high - usual_low) * (MAX_STRETCH - 1)
    low = next(value for value in lows if value >= usual_low - room)
    high = next(value for value in reversed(highs) if value <= usual_high + room)
    return min(low, usual_low), max(high, usual_high)


def _linear_scale(low: float, high: float, rows: int) -> Scale:
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-9 or high - low < 1e-300:
        margin = size * 0.05 if size > 1e-290 else 1.0
        low, high = low - margin, high + margin
    step = nice((high - low) / _ticks_in(rows))
    part, margin = step / 4, (high - low) * MARGIN_SHARE
    # Round to quarters of a tick: the ends stay where they are while the values move a little.
    bottom, top = math.floor((low - margin) / part) * part, math.ceil((high + margin) / part) * part
    bottom = 0.0 if low >= 0 > bottom else bottom
    return Scale(bottom, top, tuple(linear_ticks(bottom, top, step)))


def _log_scale(values: Sequence[float], rows: int) -> Scale:
    positive = [_limited(value) for value in values if value > 1e-300]
    low, high = (min(positive), max(positive)) if positive else (0.1, 10.0)
    low = max(low, LOG_DEPTH * min(high, 1.0))
    if high / low < 1.5:
        low, high = low / 1.25, high * 1.25
    low, high = _round_down(low), _round_up(high)
    return Scale(low, high, tuple(log_ticks(low, high, _ticks_in(rows))), log=True)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next((factor * power for factor in (5, 2) if factor * power <= value * (1 + 1e-9)), power)


def _round_up(value: float) -> float:
    return min(nice(value), _LARGEST)


def _ticks_in(rows: int) -> int:
    return min(max(rows // 2, 1), 8)


def _limited(value: float) -> float:
    """Limit a value so that differences of values stay finite."""
    return min(max(value, -_LARGEST), _LARGEST)
