"""Charts as SVG, in light and dark: axes, curves with their bands, marks of what was done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from math import ceil, floor, log10

from tui_trainer.runs.exporting.chart_groups import DrawnChart, DrawnCurve
from tui_trainer.text import number, visible

_Place = Callable[[float], float]

WIDTH, HEIGHT = 860, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 36, 14, 34
"""Space around the curves for the labels of the axes."""
LOG_RATIO = 1000
"""Ratio of the largest to the smallest value from which a picture has a logarithmic axis, where all are positive."""
LIGHT = ("#0b6bb5", "#c74a00", "#007d5a", "#b0448c", "#8a6500", "#6a4fc2", "#2f7f86", "#5c5c5c")
DARK = ("#5fb4f5", "#ff9d5c", "#4fd0a5", "#ea9acb", "#e5c04a", "#b7a2ff", "#6fd0d8", "#bdbdbd")
STYLE = (
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5a6470;--grid:#e3e7ec;"
    + "".join(f"--c{index}:{color};" for index, color in enumerate(LIGHT))
    + "}@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e6e9ed;--dim:#9aa5b1;--grid:#2a313a;"
    + "".join(f"--c{index}:{color};" for index, color in enumerate(DARK))
    + "}}svg.chart{background:var(--bg);font:12px system-ui,sans-serif}"
    "svg.chart text{fill:var(--dim)}svg.chart .grid{stroke:var(--grid)}svg.chart .axis{stroke:var(--dim)}"
    "svg.chart .title{fill:var(--fg);font-weight:600}"
    "svg.chart .line{fill:none;stroke-width:1.6;stroke-linejoin:round}"
    "svg.chart .band{stroke:none;opacity:.22}svg.chart .dashed{stroke-dasharray:5 4}"
    "svg.chart .mark{stroke:var(--dim);stroke-dasharray:2 3}"
    + "".join(
        f"svg.chart .c{index}{{stroke:var(--c{index})}}svg.chart .f{index}{{fill:var(--c{index})}}"
        for index in range(len(LIGHT))
    )
)
"""Colours of charts and pages; dark where the reader's system is."""


def text(value: object) -> str:
    """Return text that a picture or a page shows as it is."""
    return escape(visible(str(value)))


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most about `most` round numbers from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** floor(log10(raw))
    step = next((factor * power for factor in (1, 2, 5) if factor * power >= raw), 10 * power)
    first = ceil(low / step - 1e-9)
    return [index * step for index in range(first, floor(high / step + 1e-9) + 1)]


def levels(low: float, high: float) -> list[float]:
    """Return at most about six powers of ten whose exponents lie between two numbers."""
    first, last = ceil(low), floor(high)
    return [10.0**power for power in range(first, last + 1, max(-(-(last - first) // 5), 1))]


def spread(low: float, high: float) -> tuple[float, float]:
    """Return a range with some space around the values; never empty."""
    if high > low:
        space = (high - low) * 0.04
        return low - space, high + space
    space = abs(low) * 0.1 or 1.0
    return low - space, high + space


def chart_svg(chart: DrawnChart, *, title: bool = False, alone: bool = False) -> str:
    """Return a chart as an element, or with `alone` as a file of its own."""
    return stacked([chart], title=title, alone=alone)


def stacked(charts: Sequence[DrawnChart], *, title: bool = True, alone: bool = True) -> str:
    """Return charts below each other in one picture."""
    legend = [_legend_rows(chart) * 18 if title else 0 for chart in charts]
    height = sum(HEIGHT + (22 if title else 0) + rows for rows in legend)
    named = text(", ".join(chart.title for chart in charts))
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{named}"'
    parts = [f'{head} xmlns="http://www.w3.org/2000/svg">' if alone else f"{head}>"]
    if alone:
        parts.append(f"<style>{STYLE}</style>")
    top = 0
    for chart, rows in zip(charts, legend, strict=True):
        parts.append(f'<g transform="translate(0 {top})">')
        if title:
            parts.append(f'<text class="title" x="{LEFT}" y="16">{text(chart.title)}</text>')
            parts += _legend(chart)
        parts.append(f'<g transform="translate(0 {rows + (22 if title else 0)})">')
        parts += _plot(chart)
        parts.append("</g></g>")
        top += HEIGHT + (22 if title else 0) + rows
    return "".join([*parts, "</svg>"])


def _level(value: float) -> str:
    """Return the label of a level, which has room for seven signs."""
    return number(value, 4) if abs(value) < 1e6 else f"{value:.3g}"


def _legend_rows(chart: DrawnChart) -> int:
    return -(-min(len(chart.curves), 24) // 4)


def _legend(chart: DrawnChart) -> Iterator[str]:
    width = (WIDTH - LEFT - RIGHT) / 4
    for index, curve in enumerate(chart.curves[:24]):
        x, y = LEFT + index % 4 * width, 36 + index // 4 * 18
        dashed = " dashed" if curve.dashed else ""
        yield f'<path class="line c{curve.color}{dashed}" d="M{x:.0f} {y - 4}h22"/>'
        label = curve.label if len(curve.label) <= 24 else f"{curve.label[:11]}…{curve.label[-12:]}"
        yield f'<text x="{x + 28:.0f}" y="{y}">{text(label)}<title>{text(curve.label)}</title></text>'


def _plot(chart: DrawnChart) -> Iterator[str]:
    limits = chart.values
    logarithm = limits[0] > 0 and limits[1] > LOG_RATIO * limits[0]
    low, high = spread(*map(log10, limits)) if logarithm else spread(*limits)
    first, last = chart.first, max(chart.last, chart.first + 1)

    def across(step: float) -> float:
        return LEFT + (step - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        value = log10(value) if logarithm else value
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    floor_ = HEIGHT - BOTTOM
    for value in levels(low, high) if logarithm else ticks(low, high, 5):
        yield f'<path class="grid" d="M{LEFT} {down(value):.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 6}" y="{down(value) + 4:.1f}" text-anchor="end">{_level(value)}</text>'
    for step in ticks(first, last, 8):
        yield f'<text x="{across(step):.1f}" y="{floor_ + 18}" text-anchor="middle">{step:,.0f}</text>'
    yield f'<path class="axis" d="M{LEFT} {floor_}H{WIDTH - RIGHT}"/>'
    yield f'<text x="{WIDTH - 4}" y="{HEIGHT - 3}" text-anchor="end">step</text>'
    for _, done in chart.marks:
        x = across(done.step)
        yield f'<path class="mark" d="M{x:.1f} {TOP}V{floor_}"><title>{text(done.text)}</title></path>'
        yield f'<text x="{x:.1f}" y="{TOP - 3}" text-anchor="middle">{text(done.letter)}</text>'
    for curve in chart.curves:
        yield from _curve(curve, across, down)
        for step, kind in curve.gaps:
            yield f'<text class="f{curve.color}" x="{across(step):.1f}" y="{TOP + 10}">{text(kind)}</text>'


def _curve(curve: DrawnCurve, across: _Place, down: _Place) -> Iterator[str]:
    points = [((bucket.first + bucket.last) / 2, bucket) for bucket in curve.buckets]
    if any(bucket.count > 1 for bucket in curve.buckets):
        upper = [f"{across(x):.1f} {down(bucket.high):.1f}" for x, bucket in points]
        lower = [f"{across(x):.1f} {down(bucket.low):.1f}" for x, bucket in reversed(points)]
        yield f'<path class="band f{curve.color}" d="M{"L".join([*upper, *lower])}Z"/>'
    line = "L".join(f"{across(x):.1f} {down(bucket.middle):.1f}" for x, bucket in points)
    dashed = " dashed" if curve.dashed else ""
    if len(points) == 1:
        x, bucket = points[0]
        yield f'<circle class="f{curve.color}" cx="{across(x):.1f}" cy="{down(bucket.middle):.1f}" r="3"/>'
    elif line:
        yield f'<path class="line c{curve.color}{dashed}" d="M{line}"/>'
