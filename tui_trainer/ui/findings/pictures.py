"""Small pictures of a finding's evidence: a bar for each layer, or the curve over the steps it speaks of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from textual.content import Content

from tui_trainer.protocol.events import Diagnosed
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.text import cell_width, cut, number, padded, visible
from tui_trainer.ui.charts.readout import series_label
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.render.sparkline import sparkline

MOST_BARS = 6
"""Layers drawn; of more, those farthest beyond the threshold."""
DECADES = 5.0
"""Decades below the largest value that a logarithmic bar shows."""
LEAD = 0.4
"""Share of the stretch that is drawn before it, for comparison."""
MOST_CELLS = 60
"""Widest picture."""
_SHARES = frozenset(("DEAD",))
"""Findings whose bars are shares from 0 to 1; those of others are logarithmic."""


def picture(finding: Diagnosed, state: RunState, width: int, icons: Icons, style: str) -> list[Content]:
    """Return the picture in rows of at most `width` cells; empty where there is nothing to draw.

    Args:
        finding: the finding.
        state: its run.
        width: cells of a row.
        icons: the signs of the screen.
        style: colour of what lies beyond the threshold.
    """
    width = min(width, MOST_CELLS)
    if finding.bars:
        return _bars(finding, width, icons, style)
    series = state.series.get(finding.curve)
    return _curve(finding, series, state, width, icons, style) if series is not None else []


def _bars(finding: Diagnosed, width: int, icons: Icons, style: str) -> list[Content]:
    linear = finding.finding in _SHARES
    known = {name: value for name, value in finding.bars.items() if value is not None}
    largest = max(known.values(), default=0.0)
    threshold = finding.threshold
    names = _chosen(known, larger=linear)
    room = max((cell_width(visible(name)) for name in names), default=0)
    room = min(room, max(width // 3, 4))
    cells = max(width - room - 9, 4)

    def share(value: float) -> float:
        if linear or largest <= 0:
            return value
        return 1 + math.log10(value / largest) / DECADES if value > 0 else 0.0

    mark = round(share(threshold) * cells) if threshold else 0
    rows: list[Content] = []
    for name in names:
        value = known[name]
        beyond = threshold is not None and (value > threshold if linear else value <= threshold)
        full = round(min(max(share(value), 0.0), 1.0) * cells)
        drawn = ("#" if _ascii(icons) else "▇") * full + " " * (cells - full)
        parts: list[tuple[str, str] | str] = [padded(cut(visible(name), room), room), " "]
        if 0 < mark < cells:
            rule = "|" if _ascii(icons) else "│"
            parts += [(drawn[:mark], _bar_style(beyond, style)), (rule, "$muted")]
            parts.append((drawn[mark + 1 :], _bar_style(beyond, style)))
        else:
            parts.append((drawn, _bar_style(beyond, style)))
        parts.append(f" {f'{value:.0%}' if linear else number(value, 2):>7}")
        rows.append(Content.assemble(*parts))
    return rows


def _bar_style(beyond: bool, style: str) -> str:
    return style if beyond else "$muted"


def _chosen(values: Mapping[str, float], *, larger: bool) -> list[str]:
    """Return the layers to draw, in their order."""
    ranked = sorted(values, key=lambda name: -values[name] if larger else values[name])[:MOST_BARS]
    return [name for name in values if name in ranked]


def _curve(finding: Diagnosed, series: Series, state: RunState, width: int, icons: Icons, style: str) -> list[Content]:
    first, last = stretch(finding, state)
    if last <= first:
        return []
    begin = max(first - LEAD * (last - first), float(series.first_step))
    edges = [begin + (last - begin) * at / width for at in range(width + 1)]
    values = _means(series, edges)
    if len([value for value in values if math.isfinite(value)]) < 2:
        return []
    lead = min(round((first - begin) / (last - begin) * width), width - 1)
    line = sparkline(_scaled(values), width, ascii=_ascii(icons))
    known = [value for value in values[lead:] if math.isfinite(value)]
    low, high = min(known, default=math.nan), max(known, default=math.nan)
    rule = "-" if _ascii(icons) else "─"
    label = f"{series_label(finding.curve)} between {number(low, 3)} and {number(high, 3)}"
    return [
        Content.assemble((line[:lead], "$muted"), (line[lead:], style)),
        Content.styled(" " * lead + rule * (width - lead), style),
        Content.styled(cut(label, width), "$muted"),
    ]


def _means(series: Series, edges: Sequence[float]) -> list[float]:
    """Return the mean of each column; of an empty one, the value before it."""
    values: list[float] = []
    for column in series.columns(edges):
        values.append(column.mean if column is not None else values[-1] if values else math.nan)
    return values


def _scaled(values: list[float]) -> list[float]:
    """Return the values as they are drawn: as logarithms where they span more than a decade."""
    known = [value for value in values if math.isfinite(value)]
    if known and min(known) > 0 and max(known) > 10 * min(known):
        return [math.log10(value) if math.isfinite(value) else value for value in values]
    return values


def stretch(finding: Diagnosed, state: RunState) -> tuple[float, float]:
    """Return the first and last step of the evidence: of an active finding up to the present step."""
    first = finding.since_step
    if first is None:
        first = state.step_of_epoch(max(finding.epoch - 1, 0))
    last = finding.until_step if finding.until_step is not None else finding.step
    if finding.active:
        last = max(last, state.step)
    return float(min(first, last)), float(last)


def _ascii(icons: Icons) -> bool:
    return icons.rule == "-"
