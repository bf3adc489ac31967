"""One measure of every layer over the steps: a strip for each layer, and the numbers at the chosen step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.state.series import Series
from tui_trainer.state.series_names import LAYER_SILENT, LAYER_WEIGHTS
from tui_trainer.text import cut, padded, visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.layer_health import DECADES, HEALTHY, ratio_bar, silent_style

HEIGHTS, ASCII_HEIGHTS = "▁▂▃▄▅▆▇", "_.-=+*#"
"""The signs of a cell from low to high: readable without colours. The middle one is the healthy update ratio."""
VALUE = 10
"""Cells of the number at the chosen step."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure of layers.

    Attributes:
        label, short: its name.
        group: of the series that hold it.
    """

    label: str
    short: str
    group: str


MEASURES = (
    Measure("update / weights", "update", "update_ratio"),
    Measure("gradient norm", "gradient", "grad_norm"),
    Measure("weight norm", "weights", LAYER_WEIGHTS),
    Measure("silent units", "silent", LAYER_SILENT),
)
"""The measures by the numbers of their keys."""


@dataclass(frozen=True, slots=True)
class StripView:
    """The part of the strips that is shown.

    Attributes:
        measure: number of the measure, from 0.
        first, last: steps at the two ends.
        cursor: step whose numbers are read out; None for the newest.
    """

    measure: int = 0
    first: float = 0.0
    last: float = 1.0
    cursor: float | None = None


def strip_lines(
    names: Sequence[str], series: Mapping[str, Series], view: StripView, width: int, icons: Icons
) -> list[Content]:
    """Return two lines of heading, a strip for each layer that has the measure, and the steps at its ends.

    Args:
        names: the layers.
        series: the series of the run.
        view: the measure, the steps and the cursor.
        width: cells from left to right.
        icons: the symbols to draw with.
    """
    measure = MEASURES[view.measure]
    known = [(name, series[key]) for name in names if (key := f"{measure.group}/{name}") in series]
    choices = [
        (f"{position} {other.short} ", "bold" if other is measure else "$muted")
        for position, other in enumerate(MEASURES, 1)
    ]
    heading = [Content.styled(f"{measure.label} over the steps", "bold"), Content.assemble(*choices)]
    if not known:
        return [*heading, Content.styled("not measured yet", "$muted")]
    label = min(max(len(visible(name)) for name, _ in known), max(width // 4, 8))
    cells = max(width - label - VALUE - 2, 4)
    stride = max((view.last - view.first) / cells, 1e-9)
    steps = [view.first + (cell + 1) * stride for cell in range(cells - 1)] + [view.last]
    rows = [[_at(one, step, view) for step in steps] for _, one in known]
    chosen = view.last if view.cursor is None else view.cursor
    marked = min(max(int((chosen - view.first) / stride), 0), cells - 1) if view.cursor is not None else None
    ends = _ends(measure, [value for row in rows for value in row if value is not None])
    lines = heading
    for (name, one), row in zip(known, rows, strict=True):
        parts = [_cell(measure, value, ends, icons) for value in row]
        if marked is not None:
            sign, style = parts[marked]
            parts[marked] = (sign if sign != " " else "·" if not icons.ascii else ".", f"{style} reverse")
        found = one.at(chosen)
        value = _shown(measure, found[1] if found is not None else None)
        lines.append(
            Content.assemble(padded(cut(visible(name), label), label), " ", *_joined(parts), (f" {value}", "bold"))
        )
    lines.append(_feet(view, label, cells, chosen))
    return lines


def _at(series: Series, step: float, view: StripView) -> float | None:
    """Return the newest value at a step; None before the first, and after the last step that is shown."""
    found = series.at(min(step, view.last))
    return found[1] if found is not None and not math.isnan(found[1]) else None


def _ends(measure: Measure, values: Sequence[float]) -> tuple[float, float]:
    """Return the values, or their logarithms, of the lowest and the highest sign."""
    if measure.group == "update_ratio":
        return HEALTHY - DECADES, HEALTHY + DECADES
    if measure.group == LAYER_SILENT:
        return 0.0, 1.0
    logs = [math.log10(value) for value in values if value > 0]
    return (min(logs), max(logs)) if logs else (0.0, 1.0)


def _cell(measure: Measure, value: float | None, ends: tuple[float, float], icons: Icons) -> tuple[str, str]:
    """Return sign and colour of a cell."""
    if value is None:
        return " ", ""
    signs = ASCII_HEIGHTS if icons.ascii else HEIGHTS
    if measure.group == LAYER_SILENT:
        place, style = value, silent_style(value)
    else:
        low, high = ends
        place = (math.log10(value) - low) / (high - low) if value > 0 and high > low else 0.0 if value <= 0 else 0.5
        style = ratio_bar(value)[1] if measure.group == "update_ratio" else "$primary"
    return signs[min(max(round(place * (len(signs) - 1)), 0), len(signs) - 1)], style


def _joined(parts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return neighbours of one colour as one part."""
    joined: list[tuple[str, str]] = []
    for sign, style in parts:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + sign, style)
        else:
            joined.append((sign, style))
    return joined


def _shown(measure: Measure, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0%}" if measure.group == LAYER_SILENT else number(value, 3)


def _feet(view: StripView, label: int, cells: int, chosen: float) -> Content:
    first, last = f"{view.first:,.0f}", f"{view.last:,.0f}"
    room = max(cells - len(first) - len(last), 1)
    at = f" @ {chosen:,.0f}"
    return Content.styled(f"{'step':<{label}.{label}} {first}{' ' * room}{last}{at}", "$muted")
