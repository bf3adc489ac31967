"""The quantities that have no chart on a small screen, each as its number and a sparkline."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.text import cut, visible
from tui_trainer.ui.charts.kinds.metric import metric_of
from tui_trainer.ui.charts.registry import ChartKind, Pane
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.numbers_table import value_text
from tui_trainer.ui.panels.panel import fitted
from tui_trainer.ui.render.sparkline import sparkline

ORDER = (ChartKind.RATE, ChartKind.NORM, ChartKind.METRIC, ChartKind.LOSS)
"""The quantities that have sparklines, the most important first."""
MIN_WIDTH = 20
"""Cells of the narrowest sparkline with its number."""
MAX_COUNT = 3
DOTS = 2
"""Values for each cell of a sparkline."""
RECENT_SHARE = 0.02
"""Share of the steps so far whose mean stands for a noisy series now."""


def history(series: Series, width: int, span: tuple[float, float] | None = None) -> list[float]:
    """Return the means of a series over equal stretches, `DOTS` for each of `width` cells; empty ones are left out."""
    if not series.count or width < 1:
        return []
    first, last = span if span is not None else (float(series.first_step), float(series.last_step))
    count = min(width * DOTS, max(series.count, 1))
    edges = [first + (last - first) * index / count for index in range(count + 1)]
    return [column.mean for column in series.columns(edges) if column is not None]


def kinds_of(state: RunState, shown: Sequence[Pane], width: int) -> list[ChartKind]:
    """Return the quantities to show in `width` cells: those without a chart on the screen."""
    most = min(MAX_COUNT, max(width // MIN_WIDTH, 1))
    kinds = [kind for kind in ORDER if kind not in shown and _series_name(state, kind) in state.series]
    return kinds[:most]


def sparkline_rows(
    state: RunState, shown: Sequence[Pane], view: View, width: int, height: int, icons: Icons
) -> list[Content]:
    """Return the numbers and the sparklines: two lines, or both side by side in one."""
    kinds = kinds_of(state, shown, width)
    if not kinds or height < 1:
        return []
    cell = (width - 2 * (len(kinds) - 1)) // len(kinds)
    labels: list[Content] = []
    lines: list[Content] = []
    for kind in kinds:
        label = _label(state, kind, view)
        room = cell if height > 1 else max(cell - label.cell_length - 1, 0)
        name = _series_name(state, kind)
        curve = sparkline(history(state.series[name], room, view.span), room, icons.ascii) if room else ""
        labels.append(fitted(label, cell, icons).pad_right(max(cell - label.cell_length, 0)))
        lines.append(Content.styled(cut(curve, room).ljust(room), "$secondary"))
    if height == 1:
        pairs = [Content.assemble(label.truncate(cell), " ", line) for label, line in zip(labels, lines, strict=True)]
        return [Content("  ").join(pairs)]
    return [Content("  ").join(labels), Content("  ").join(lines)]


def _series_name(state: RunState, kind: ChartKind) -> str:
    metric = metric_of(state)
    names = {
        ChartKind.LOSS: "train_loss",
        ChartKind.RATE: "lr",
        ChartKind.NORM: "grad_norm",
        ChartKind.METRIC: f"val_{metric}" if f"val_{metric}" in state.series else metric,
    }
    return names.get(kind, "")


def _label(state: RunState, kind: ChartKind, view: View) -> Content:
    """Return the number key, the name and the value of a quantity."""
    series = state.series[_series_name(state, kind)]
    step = float(state.step) if view.cursor is None else view.cursor
    at = series.at(step)
    value = at[1] if at is not None else None
    name, extra = str(kind), ""
    match kind:
        case ChartKind.RATE:
            extra = f" {visible(state.plan.scheduler.kind)}" if state.plan is not None else ""
        case ChartKind.NORM:
            name = "gradient norm"
            recent = series.columns((step - max(step * RECENT_SHARE, 10.0), step + 0.5))[0]
            value = recent.mean if recent is not None else value
        case ChartKind.METRIC:
            name = visible(metric_of(state))
        case _:
            pass
    text = value_text(name, value) if kind is ChartKind.METRIC else number(value, 3)
    return Content.assemble((f"{kind.key} {name} ", "$muted"), (text, "bold"), (extra, "$muted"))
