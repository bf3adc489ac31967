"""The visible range of each axis. Both axes grow in jumps, so that the chart of a running run is stable in between."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.model import Curve, Scale
from tui_trainer.ui.charts.ticks import linear_ticks, log_ticks, nice

FIRST_STEPS = 10
"""Shortest horizontal axis, in steps."""
MARGIN_SHARE = 0.02
"""Share of the range left free at either end."""
_ROUND_FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LARGEST = 4e307
ROOM = 2.0
"""Factor by which raw values may stretch a logarithmic axis beyond the curves through them, on either side."""
CAP = 100.0
"""Factor above the levels and the run in front at which background runs leave a logarithmic axis."""
LOG_DEPTH = 1e-32
"""Lowest end of a logarithmic axis, relative to 1 or to the largest value if that is smaller: about the square of the
float64 epsilon, because a squared distance to the optimum below it is rounding error."""
_DECADES_PER_ROW = (1 / 3, 2 / 5, 1 / 2, 2 / 3, 1.0, 3 / 2, 2.0, 5 / 2)
LEAST_DECADES = 0.18
"""Least range of a logarithmic axis, in powers of ten: a factor of 1.5."""
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
    share: bool = False,
) -> Scale:
    """Return the vertical axis that fits the curves.

    With `trim`, rare outliers (fewer than one column in fifty at either end) do not stretch the range: outliers farther
    away than the height of that range are left out, and the builder marks them at the edge with an arrow and a value.
    A logarithmic axis leaves out what is below rounding error. Ticks stand on rows, so that equal distances look equal.

    Args:
        curves: the curves to fit.
        rows: height of the plot in cells.
        log: whether the axis is logarithmic.
        required: values that are always visible (newest values, the best epoch).
        optional: values that are visible if they stretch the axis by at most a third (reference lines).
        trim: whether outliers may be left out.
        share: whether the values lie between 0 and 1, so that no tick stands above 1.
    """
    if log:
        return _log_scale(curves, rows, required, trim)
    low, high = _linear_ends(
        sorted(_limited(v) for curve in curves for v in curve.low),
        sorted(_limited(v) for curve in curves for v in curve.high),
        [_limited(value) for value in required],
        trim,
    ) or (0.0, 1.0)
    width = high - low
    for value in sorted(optional, key=lambda value: abs(value - (low + high) / 2)):
        if low - width / 3 <= value <= high + width / 3:
            low, high = min(low, value), max(high, value)
    return _linear_scale(low, high, max(rows, 1), share=share)


def with_ends(scale: Scale, low: float | None, high: float | None, rows: int) -> Scale:
    """Return the scale with one or both ends set by hand, as far as they leave a range."""
    bottom = scale.low if low is None or (scale.log and low <= 0) else _limited(low)
    top = scale.high if high is None else _limited(high)
    if (bottom, top) == (scale.low, scale.high) or not bottom < top or not math.isfinite(top - bottom):
        return scale
    if scale.log:
        return Scale(bottom, top, tuple(log_ticks(bottom, top, _ticks_in(rows))), log=True)
    return Scale(bottom, top, tuple(linear_ticks(bottom, top, nice((top - bottom) / _ticks_in(rows)))))


def near_curves(curves: Sequence[Curve], important: Sequence[Curve]) -> list[Curve]:
    """Return curves cut to the positive range of the important ones, with a factor of `ROOM` on either side."""
    known = [value for curve in important for value in (*curve.low, *curve.high) if value > 0]
    if not known:
        return list(curves)
    low, high = min(known) / ROOM, min(max(known), _LARGEST / ROOM) * ROOM
    return [
        replace(
            curve,
            low=tuple(min(max(value, low), high) for value in curve.low),
            high=tuple(min(max(value, low), high) for value in curve.high),
        )
        for curve in curves
    ]


def capped(curves: Sequence[Curve], levels: Sequence[float]) -> list[Curve]:
    """Return curves of which those of background runs end at a hundred times the levels and the run in front.

    A background run that diverges to 1e36 would press what is to be seen onto one line.
    """
    front = [value for curve in curves if not curve.faint for value in curve.high]
    if not levels or not front:
        return list(curves)
    top = CAP * max(*levels, *front)
    return [
        replace(curve, low=tuple(min(v, top) for v in curve.low), high=tuple(min(v, top) for v in curve.high))
        if curve.faint
        else curve
        for curve in curves
    ]


def _linear_ends(
    lows: list[float], highs: list[float], required: Sequence[float], trim: bool
) -> tuple[float, float] | None:
    """Return the ends that fit ascending values; None without any. Rare outliers are left out with `trim`."""
    if not lows:
        return (min(required), max(required)) if required else None
    if not trim or len(lows) < 8:
        return min(lows[0], *required, highs[-1]), max(highs[-1], *required, lows[0])
    outliers = max(1, int(len(lows) * OUTLIER_SHARE))
    usual_low, usual_high = lows[outliers], highs[-1 - outliers]
    usual_low, usual_high = min(usual_low, usual_high, *required), max(usual_low, usual_high, *required)
    room = (usual_high - usual_low) * (MAX_STRETCH - 1)
    low = next(value for value in lows if value >= usual_low - room)
    high = next(value for value in reversed(highs) if value <= usual_high + room)
    return min(low, usual_low), max(high, usual_high)


def _linear_scale(low: float, high: float, rows: int, *, share: bool = False) -> Scale:
    """Return the smallest scale around two values whose ticks fall on the lower edges of rows."""
    size = max(abs(low), abs(high))
    if high - low <= size * 1e-9 or high - low < 1e-300:
        margin = size * 0.05 if size > 1e-290 else 1.0
        low, high = low - margin, high + margin
    margin = (high - low) * MARGIN_SHARE
    bottom = 0.0 if low >= 0 > low - margin else low - margin
    top = high if share else high + margin
    found = _step_on_rows(bottom, top, rows)
    if found is None:
        step = nice((top - bottom) / _ticks_in(rows))
        return Scale(bottom, top, tuple(linear_ticks(bottom, top, step)))
    step, stride = found
    row = step / stride
    first = math.floor(bottom / row + 1e-9)
    if share and (first + rows) * row > 1:  # the room above 1 goes below
        first = max(round(1 / row) - rows, 0)
    bottom, top = first * row, (first + rows) * row
    ticks = linear_ticks(bottom, top, step)
    return Scale(bottom, top, tuple(tick for tick in ticks if not share or tick.at <= 1 + 1e-9))


def _step_on_rows(low: float, high: float, rows: int) -> tuple[float, int] | None:
    """Return the distance of ticks and its rows, so that the rows just cover the range from `low` to `high`.

    None if no rows with a tick at zero do: a single row cannot reach below and above it.
    """
    fewest, most = (2, 3) if rows < 12 else (3, 5) if rows < 30 else (4, 8)
    if rows < 4:
        fewest, most = 1, max(rows - 1, 1)
    best: tuple[float, float, int] | None = None
    for stride in range(fewest, most + 1):
        step = nice((high - low) / rows * stride)
        for candidate in (step, nice(step * 1.5), nice(step * 4)):
            row = candidate / stride
            if math.isfinite(row) and (math.floor(low / row + 1e-9) + rows) * row >= high * (
                1 - math.copysign(1e-9, high)
            ):
                best = min(best or (math.inf, 0.0, 1), (row, candidate, stride))
                break
    return best[1:] if best is not None else None


def _log_scale(curves: Sequence[Curve], rows: int, required: Sequence[float], trim: bool) -> Scale:
    """Return a scale with its decades on rows. With `trim`, outliers are left out as on a linear axis of logarithms."""
    lows, highs, needed = (
        sorted(math.log10(_limited(value)) for value in values if value > 1e-300)
        for values in ((v for c in curves for v in c.low), (v for c in curves for v in c.high), required)
    )
    count = min(len(lows), len(highs))
    low, high = _linear_ends(lows[-count:] if count else [], highs, needed, trim) or (-1.0, 1.0)
    low = max(low, math.log10(LOG_DEPTH) + min(high, 0.0))
    if high - low < LEAST_DECADES:
        low, high = low - LEAST_DECADES / 2, high + LEAST_DECADES / 2
    rows = max(rows, 1)
    per_row = _decades_per_row(high - low, rows)
    for _ in range(2):
        bottom = math.floor(low / per_row + 1e-9) * per_row
        if bottom + rows * per_row >= high - 1e-9:
            low, high = bottom, bottom + rows * per_row
            break
        per_row = _decades_per_row(high - low + per_row, rows)
    ends = 10.0**low, 10.0 ** min(high, math.log10(_LARGEST))
    return Scale(*ends, tuple(log_ticks(*ends, _ticks_in(rows))), log=True)


def _decades_per_row(decades: float, rows: int) -> float:
    """Return the least decades for each row, such that decades stand on rows or half-way to the next but one."""
    least = decades / rows
    if least <= 1 / 3:
        return 1 / math.floor(1 / least)
    return next((share for share in _DECADES_PER_ROW if share >= least - 1e-9), float(math.ceil(least)))


def _ticks_in(rows: int) -> int:
    return min(max(rows // 2, 1), 8)


def _limited(value: float) -> float:
    """Limit a value so that differences of values stay finite."""
    return min(max(value, -_LARGEST), _LARGEST)
