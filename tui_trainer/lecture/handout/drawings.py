"""The pictures that a run took of itself, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from math import log10

from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import Bars, Contour, Drawing, Heat, Histogram, Line, Lines, Points, drawing_of
from tui_trainer.runs.exporting.chart_groups import COLORS
from tui_trainer.runs.exporting.svg_chart import levels, spread, text, ticks
from tui_trainer.text import number

WIDTH, HEIGHT = 430, 300
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 24, 48
SHADES = 14
"""Levels by which a field of numbers is shaded."""
MOST_POINTS = 400
"""Points of one cloud that are drawn."""
_Place = Callable[[float], float]


def picture_svg(event: PictureTaken, name: str = "") -> str:
    """Return a picture as an element; empty where it is of a kind that is not drawn, or damaged.

    Args:
        event: the picture.
        name: of the run, for its title.
    """
    drawing = drawing_of(event)
    match drawing:
        case Lines():
            body, legend = list(_lines(drawing)), [line.name for line in (*drawing.lines, *drawing.spots)]
        case Points():
            body, legend = list(_points(drawing)), [spots.name for spots in drawing.spots]
        case Bars():
            body, legend = list(_bars(drawing)), [group.name for group in drawing.groups]
        case Histogram():
            body, legend = list(_histogram(drawing)), [group.name for group in drawing.groups]
        case Heat():
            body, legend = list(_heat(drawing)), []
        case Contour():
            body, legend = list(_contour(drawing)), [*drawing.regions]
        case _:
            return ""
    title = " · ".join(part for part in (drawing.title or event.name, name, f"epoch {event.epoch}") if part)
    rows = -(-sum(map(bool, legend)) // 4)
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT + 16 * rows}" role="img" aria-label="{text(title)}">'
    labels = (
        f'<text class="title" x="6" y="15">{text(title[:58])}</text>'
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{text(drawing.x.label)}</text>'
    )
    if drawing.y.label:
        turned = f'transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle"'
        labels += f"<text {turned}>{text(drawing.y.label)}</text>"
    return "".join([head, labels, *body, *_legend(legend), "</svg>"])


def _legend(names: Sequence[str]) -> Iterator[str]:
    shown = [(index, name) for index, name in enumerate(names) if name]
    for place, (index, name) in enumerate(shown):
        x, y = 8 + place % 4 * (WIDTH - 12) / 4, HEIGHT + 8 + place // 4 * 16
        yield f'<rect class="f{index % COLORS}" x="{x:.0f}" y="{y - 9}" width="10" height="10"/>'
        short = name if len(name) <= 14 else f"{name[:7]}…{name[-6:]}"
        yield f'<text x="{x + 14:.0f}" y="{y}">{text(short)}<title>{text(name)}</title></text>'


class _Axes:
    """Places of numbers on the picture; logarithmic where an axis is, and all of its numbers are positive."""

    def __init__(self, drawing: Drawing, xs: Sequence[float], ys: Sequence[float], *, tight: bool = False) -> None:
        self._log_x = drawing.x.log and min(xs, default=0) > 0
        self._log_y = drawing.y.log and min(ys, default=0) > 0
        self.x = self._range(xs, drawing.x.low, drawing.x.high, log=self._log_x, tight=True)
        self.y = self._range(ys, drawing.y.low, drawing.y.high, log=self._log_y, tight=tight)

    @staticmethod
    def _range(
        values: Sequence[float], low: float | None, high: float | None, *, log: bool, tight: bool
    ) -> tuple[float, float]:
        if log:
            found = [log10(value) for value in values]
            return spread(min(found), max(found))
        first = low if low is not None else min(values, default=0.0)
        last = high if high is not None else max(values, default=1.0)
        return (first, last) if tight and last > first else spread(first, last)

    def across(self, value: float) -> float:
        value = log10(value) if self._log_x else value
        return LEFT + (value - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)

    def down(self, value: float) -> float:
        value = log10(value) if self._log_y else value
        return TOP + (self.y[1] - value) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)

    def frame(self, *, below: bool = True) -> Iterator[str]:
        floor_ = HEIGHT - BOTTOM
        for level in _levels(self.y, log=self._log_y):
            y = self.down(level)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{number(level, 3)}</text>'
        yield f'<path class="axis" d="M{LEFT} {floor_}H{WIDTH - RIGHT}"/>'
        for level in _levels(self.x, log=self._log_x) if below else ():
            x = self.across(level)
            yield f'<text x="{x:.1f}" y="{floor_ + 15}" text-anchor="middle">{number(level, 3)}</text>'


def _levels(limits: tuple[float, float], *, log: bool) -> list[float]:
    return levels(*limits) if log else ticks(*limits, 5)


def _path(points: Sequence[tuple[float, float]], axes: _Axes) -> str:
    return "M" + "L".join(f"{axes.across(x):.1f} {axes.down(y):.1f}" for x, y in points)


def _curve(line: Line, axes: _Axes, color: int) -> Iterator[str]:
    points = list(zip(line.x, line.y, strict=True))
    if len(points) > 1:
        kind = f"line c{color % COLORS}{' dashed' if line.dotted else ''}"
        yield f'<path class="{kind}" d="{_path(points, axes)}"><title>{text(line.name)}</title></path>'
    elif points:
        yield from _cloud(line, axes, color)


def _cloud(spots: Line, axes: _Axes, color: int, radius: float = 2.2) -> Iterator[str]:
    stride = -(-len(spots.x) // MOST_POINTS)
    for x, y in list(zip(spots.x, spots.y, strict=True))[:: max(stride, 1)]:
        yield f'<circle class="f{color % COLORS}" cx="{axes.across(x):.1f}" cy="{axes.down(y):.1f}" r="{radius}"/>'


def _lines(drawing: Lines) -> Iterator[str]:
    all_lines = (*drawing.lines, *drawing.spots)
    rules = [rule.at for rule in drawing.levels]
    xs, ys = [x for line in all_lines for x in line.x], [y for line in all_lines for y in line.y]
    axes = _Axes(drawing, xs, [*ys, *rules])
    yield from axes.frame()
    for rule in drawing.levels:
        across = f"M{LEFT} {axes.down(rule.at):.1f}H{WIDTH - RIGHT}"
        yield f'<path class="mark" d="{across}"><title>{text(rule.text)}</title></path>'
    for index, line in enumerate(drawing.lines):
        yield from _curve(line, axes, index)
    for index, spots in enumerate(drawing.spots, len(drawing.lines)):
        yield from _cloud(spots, axes, index, 3)


def _points(drawing: Points) -> Iterator[str]:
    xs = [x for spots in drawing.spots for x in spots.x]
    ys = [y for spots in drawing.spots for y in spots.y]
    axes = _Axes(drawing, xs, ys)
    yield from axes.frame()
    if drawing.diagonal:
        low, high = max(axes.x[0], axes.y[0]), min(axes.x[1], axes.y[1])
        yield f'<path class="mark" d="{_path([(low, low), (high, high)], axes)}"/>'
    for index, spots in enumerate(drawing.spots):
        yield from _cloud(spots, axes, index)


def _bars(drawing: Bars) -> Iterator[str]:
    known = [value for group in drawing.groups for value in group.values if value is not None]
    log = drawing.y.log and min(known, default=0.0) > 0
    base = [] if log else [0.0]
    axes = _Axes(drawing, [0.0, float(len(drawing.labels))], [*known, *base, *(rule.at for rule in drawing.levels)])
    yield from axes.frame(below=False)
    room = 1 / (len(drawing.groups) + 0.4)
    bottom = HEIGHT - BOTTOM if log else axes.down(0.0)
    for number_, group in enumerate(drawing.groups):
        for index, value in enumerate(group.values):
            if value is None:
                continue
            left, right = axes.across(index + room * (number_ + 0.2)), axes.across(index + room * (number_ + 1.15))
            top, foot = sorted((axes.down(value), bottom))
            yield (
                f'<rect class="f{number_ % COLORS}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
                f'height="{foot - top:.1f}"><title>{text(drawing.labels[index])}: {number(value)}</title></rect>'
            )
    yield from _names(drawing.labels, axes.across)


def _names(names: Sequence[str], across: _Place) -> Iterator[str]:
    stride = -(-len(names) // 10)
    for index, name in list(enumerate(names))[::stride]:
        short = name if len(name) <= 9 else f"{name[:8]}…"
        x = across(index + 0.5)
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{text(short)}</text>'


def _histogram(drawing: Histogram) -> Iterator[str]:
    xs = [edge for group in drawing.groups for edge in (group.low, group.high)]
    shares = [[count / (sum(group.counts) or 1) for count in group.counts] for group in drawing.groups]
    axes = _Axes(drawing, xs, [0.0, *(share for each in shares for share in each)])
    yield from axes.frame()
    for index, (group, each) in enumerate(zip(drawing.groups, shares, strict=True)):
        width = (group.high - group.low) / len(each)
        points: list[tuple[float, float]] = [(group.low, 0.0)]
        for place, share in enumerate(each):
            points += [(group.low + place * width, share), (group.low + (place + 1) * width, share)]
        outline = _path([*points, (group.high, 0.0)], axes)
        yield f'<path class="line c{index % COLORS}" d="{outline}"><title>{text(group.name)}</title></path>'


def _heat(drawing: Heat) -> Iterator[str]:
    known = [value for row in drawing.values for value in row if value is not None]
    low = drawing.low if drawing.low is not None else min(known, default=0.0)
    high = drawing.high if drawing.high is not None else max(known, default=1.0)
    width = (WIDTH - LEFT - RIGHT) / len(drawing.columns)
    height = (HEIGHT - TOP - BOTTOM) / len(drawing.rows)
    for row, values in enumerate(drawing.values):
        y = TOP + row * height
        name = drawing.rows[row][:8]
        yield f'<text x="{LEFT - 5}" y="{y + height / 2 + 4:.1f}" text-anchor="end">{text(name)}</text>'
        for column, value in enumerate(values):
            if value is None:
                continue
            x, share = LEFT + column * width, (value - low) / (high - low) if high > low else 1.0
            yield (
                f'<rect class="f0" opacity="{0.06 + 0.9 * min(max(share, 0.0), 1.0):.2f}" x="{x:.1f}" y="{y:.1f}" '
                f'width="{width:.1f}" height="{height:.1f}"><title>{text(drawing.rows[row])}, '
                f"{text(drawing.columns[column])}: {number(value)}</title></rect>"
            )
            if width > 30 and height > 13:
                place = f'x="{x + width / 2:.1f}" y="{y + height / 2 + 4:.1f}" text-anchor="middle"'
                yield f"<text {place}>{number(value, 3)}</text>"
    yield from _names(drawing.columns, lambda place: LEFT + place * width)


def _contour(drawing: Contour) -> Iterator[str]:
    axes = _Axes(drawing, [], [], tight=True)
    yield from axes.frame()
    rows, columns = len(drawing.values), len(drawing.values[0])
    height, width = (HEIGHT - TOP - BOTTOM) / rows, (WIDTH - LEFT - RIGHT) / columns
    clip = "M" + f"{LEFT} {TOP}H{WIDTH - RIGHT}V{HEIGHT - BOTTOM}H{LEFT}Z"
    shade = _shades(drawing)
    for row, values in enumerate(drawing.values):
        y = HEIGHT - BOTTOM - (row + 1) * height
        at = 0
        for level, part in groupby(values, key=shade):
            count = len(list(part))
            if level is not None:
                kind, opacity = level
                yield (
                    f'<rect class="f{kind}" opacity="{opacity:.2f}" x="{LEFT + at * width:.1f}" y="{y:.1f}" '
                    f'width="{count * width:.1f}" height="{height:.1f}" shape-rendering="crispEdges"/>'
                )
            at += count
    yield f'<path class="axis" fill="none" d="{clip}"/>'
    for index, path in enumerate(drawing.paths):
        inside = [(x, y) for x, y in zip(path.x, path.y, strict=True) if _is_inside(x, y, axes)]
        kind = f"line c{(index + 1) % COLORS}{' dashed' if path.dotted else ''}"
        if len(inside) > 1:
            yield f'<path class="{kind}" d="{_path(inside, axes)}"><title>{text(path.name)}</title></path>'
    for index, spots in enumerate(drawing.spots):
        seen = [(x, y) for x, y in zip(spots.x, spots.y, strict=True) if _is_inside(x, y, axes)]
        if seen:
            x, y = zip(*seen, strict=True)
            yield from _cloud(Line(name=spots.name, x=x, y=y), axes, index, 2)


def _is_inside(x: float, y: float, axes: _Axes) -> bool:
    return axes.x[0] <= x <= axes.x[1] and axes.y[0] <= y <= axes.y[1]


def _shades(drawing: Contour) -> Callable[[float | None], tuple[int, float] | None]:
    """Return a function from a value of the grid to hue and opacity: bands between its levels, or regions."""
    if drawing.regions:
        return lambda value: None if value is None else (int(value) % COLORS, 0.28)
    known = sorted(value for row in drawing.values for value in row if value is not None)
    known_levels = tuple(known[len(known) * part // SHADES] for part in range(1, SHADES)) if known else ()
    bounds = drawing.levels or known_levels
    count = max(len(bounds), 1)

    def shade(value: float | None) -> tuple[int, float] | None:
        return None if value is None else (0, 0.55 * (1 - sum(value >= each for each in bounds) / count) + 0.04)

    return shade
