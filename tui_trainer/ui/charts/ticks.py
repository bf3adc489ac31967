"""The ticks of an axis: round positions with short labels, few enough for the space."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from tui_trainer.ui.charts.model import Tick

_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_LARGE = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def nice(size: float) -> float:
    """Return the smallest number of the form 1, 2 or 5 times a power of ten that is not below `size`."""
    if not size > 0 or not math.isfinite(size):
        return 1.0
    power = math.floor(math.log10(size))
    if power < -300:
        return 1e-300
    unit = 10.0**power
    for factor in (1, 2, 5):
        if size <= factor * unit * (1 + 1e-9):
            return factor * unit
    return 10 * unit


def short(value: float, step: float = 0.0) -> str:
    """Format a number for an axis, exact to `step`: 0.25, 400, 2.5k, 1e-4; to three digits without a step."""
    size = abs(value)
    if size < (step or 1e-300) * 1e-6:
        return "0"
    if size >= 1e12 or max(size, step) < 1e-3:
        digits = 2 if not step else min(max(math.floor(math.log10(size)) - math.floor(math.log10(step)), 0), 6)
        mantissa, _, power = f"{value:.{digits}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(power)}"
    for unit, letter in _LARGE:
        if size >= unit and (size >= 10 * unit or unit > 1e3 or step >= 100 or not step):
            text = _fixed(value / unit, step / unit)
            return (text.rstrip("0").rstrip(".") if "." in text else text) + letter
    return _fixed(value, step)


def _fixed(value: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step else max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(decimals, 12)}f}"
    return text.rstrip("0").rstrip(".") if not step and "." in text else text


def clock(seconds: float, step: float = 1.0) -> str:
    """Format seconds for an axis: 0.2s, 0:30, 12:05, 1:02:00; for steps of half an hour or more 30m, 1h30, 4h, 2d."""
    if step < 1:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if step >= 86400:
        return f"{hours // 24}d" if hours else "0"
    if step >= 1800:
        return (
            f"{hours}h{minutes:02d}"
            if hours and minutes
            else f"{hours}h"
            if hours
            else f"{minutes}m"
            if minutes
            else "0"
        )
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def linear_ticks(low: float, high: float, step: float, label: Callable[[float, float], str] = short) -> list[Tick]:
    """Return a tick at each multiple of `step`, without duplicate labels."""
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first > 100:
        return []
    ticks = [Tick(k * step, label(k * step, step)) for k in range(first, last + 1)]
    return _distinct(ticks)


def log_ticks(low: float, high: float, count: int) -> list[Tick]:
    """Return about `count` ticks at decades; for few decades also at 2 and 5 (or 3) times each."""
    lowest, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    decades = math.ceil(math.log10(high) - math.log10(low))
    factors = (1, 2, 5) if decades * 3 <= count else (1, 3) if decades * 2 <= count else (1,)
    stride = max(1, -(-decades // max(count, 1)))
    ticks: list[Tick] = []
    for power in range(lowest - 1, last + 1):
        for factor in factors:
            value = _power(factor, power)
            if (power - lowest) % stride == 0 and low * (1 - 1e-9) <= value <= high * (1 + 1e-9):
                ticks.append(Tick(value, short(value)))
    if len(ticks) < 2 and high < 10 * low:
        return linear_ticks(low, high, nice((high - low) / max(count, 1)))
    return _distinct(ticks)


def _power(factor: int, power: int) -> float:
    """Return factor x 10^power without a rounding error that a label would show."""
    return float(f"{factor}e{power}")


def horizontal_ticks(
    low: float, high: float, columns: int, *, seconds: bool = False, integers: bool = False
) -> list[Tick]:
    """Return ticks under a plot of `columns` cells with six cells between labels; `integers` allows no fractions."""
    label = clock if seconds else short
    steps = _time_steps(high - low) if seconds else _steps(high - low)
    for step in steps:
        if integers and step < 1:
            continue
        ticks = linear_ticks(low, high, step, label)
        if not ticks:
            continue
        longest = max(len(tick.text) for tick in ticks)
        if step / (high - low) * columns >= longest + 6 or len(ticks) <= 2:
            return ticks
    return []


def _steps(width: float) -> list[float]:
    smallest = nice(width / 60)
    steps = [smallest]
    while steps[-1] < width * 2:
        steps.append(nice(steps[-1] * 1.5))
    return steps


def _time_steps(width: float) -> Sequence[float]:
    if width > 40 * 86400:
        return [86400 * step for step in _steps(width / 86400)]
    return [step for step in _SECONDS if step >= width / 100]


def _distinct(ticks: list[Tick]) -> list[Tick]:
    seen: set[str] = set()
    return [tick for tick in ticks if not (tick.text in seen or seen.add(tick.text))]
