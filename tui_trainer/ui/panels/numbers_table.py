"""The numbers of a run, each in one place: losses and metrics now, over the last epoch, and at their best."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.content import Content

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import MEAN_TRAIN_LOSS, RunState
from tui_trainer.state.series import Series
from tui_trainer.text import cut, padded, visible
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.kinds.metric import SUBOPTIMALITY, metric_of
from tui_trainer.ui.charts.model import Area
from tui_trainer.ui.charts.resample import smoothing_width
from tui_trainer.ui.charts.view import View

NAME_WIDTH, NOW_WIDTH, EPOCH_WIDTH, BEST_WIDTH = 11, 9, 8, 12
"""Cells of the names and of the columns."""
MIN_ALIGNED = 40
"""Width from which the lines have columns."""
_SHORT = {"accuracy": "acc", SUBOPTIMALITY: "f - f*"}
"""Metric names that are too long for the table."""


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One line of the table; a text that is empty has no value.

    Attributes:
        split: train or val; empty for a number of neither.
        name: the quantity: loss, accuracy.
        now: the newest value, smoothed for one that is noisy; with a cursor, the value there.
        epoch: the mean over the last epoch that has ended.
        best: the best value of an epoch, with its number.
    """

    split: str
    name: str
    now: str
    epoch: str = ""
    best: str = ""

    @property
    def series(self) -> str:
        """The name of its series."""
        return f"{self.split}_{self.name}" if self.split else self.name

    @property
    def label(self) -> str:
        """The name of the row, short enough for the table."""
        return f"{self.split} {_SHORT.get(self.name, self.name)}".strip()


class BestValues:
    """The best value of each series of a set, looked up again only where the series has grown or was rewound."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[tuple[int, int], tuple[float, int] | None]] = {}

    def of(self, state: RunState, name: str) -> tuple[float, int] | None:
        """Return the best value of a series by epochs and its epoch, 0 where that is not known any more."""
        series = state.series.get(name)
        if series is None or not series.count:
            return None
        key, stamp = (state.run, name), (series.count, series.last_step)
        known = self._known.get(key)
        if known is None or known[0] != stamp:
            known = self._known[key] = stamp, _best(series, state, lower_is_better(name))
        return known[1]


def _best(series: Series, state: RunState, lower: bool) -> tuple[float, int] | None:
    column = series.columns((series.first_step, series.last_step + 0.5))[0]
    if column is None:
        return None
    value = column.low if lower else column.high
    try:
        step = series.steps[series.values.index(value)]
    except ValueError:
        return value, 0
    return value, round(state.epoch_at(step))


def value_text(name: str, value: float | None, digits: int = 4) -> str:
    """Format a value of a series: an accuracy in per cent, a missing one as nothing."""
    if value is None:
        return ""
    return f"{100 * value:.1f} %" if name.endswith("accuracy") and 0 <= value <= 1 else number(value, digits)


def brief_text(name: str, value: float | None) -> str:
    """Format a value with three digits for a narrow column: 1530, 1.53e5, 2.2e-5."""
    if value is not None and 1000 <= abs(value) < 100_000:
        return f"{value:.0f}"
    return re.sub(r"e([+-])0?", lambda found: "e" + found[1].strip("+"), value_text(name, value, 3))


def smoothed(states: Sequence[RunState], selected: int, view: View, name: str, area: Area) -> tuple[float | None, int]:
    """Return a noisy series as its curve shows it, now or at the cursor, and the steps that it is smoothed over."""
    if view.cursor is None:
        view = replace(view, span=None)  # now, also while the charts show earlier steps
    context = ChartContext.of(states, selected, view, area)
    resampled = context.resample(name)
    width = smoothing_width(view.smoothing, resampled)
    return context.value(resampled, resampled.smoothed(width, by_median=view.median) if width else None), width


def number_rows(
    states: Sequence[RunState], selected: int, view: View, best: BestValues, area: Area
) -> tuple[list[NumberRow], int]:
    """Return the rows of the selected run, and the steps over which its training loss is smoothed."""
    if not states:
        return [], 0
    state = states[min(max(selected, 0), len(states) - 1)]
    step = float(state.step) if view.cursor is None else min(max(view.cursor, 0.0), float(state.step))
    rows: list[NumberRow] = []
    width = 0
    if "train_loss" in state.series:
        now, width = smoothed(states, selected, view, "train_loss", area)
        mean = _at(state, MEAN_TRAIN_LOSS, step)
        rows.append(
            NumberRow(
                "train", "loss", value_text("", now), brief_text("", mean), _best_text(state, MEAN_TRAIN_LOSS, best)
            )
        )
    rows += _measured(state, "val", "loss", step, best)
    metric = metric_of(state)
    if metric == SUBOPTIMALITY:
        rows.append(NumberRow("", SUBOPTIMALITY, value_text("", _at(state, SUBOPTIMALITY, step))))
    elif metric:
        rows += _measured(state, "train", metric, step, best)
        rows += _measured(state, "val", metric, step, best)
    return rows, width


def _measured(state: RunState, split: str, name: str, step: float, best: BestValues) -> list[NumberRow]:
    """Return the row of a quantity that is measured once in an epoch, none where it has no value yet."""
    series = f"{split}_{name}"
    now = _at(state, series, step)
    if now is None:
        return []
    return [NumberRow(split, visible(name), value_text(name, now), "", _best_text(state, series, best))]


def _best_text(state: RunState, name: str, best: BestValues) -> str:
    if state.best is not None and state.best.metric == name:
        found: tuple[float, int] | None = (state.best.value, state.best.epoch)
    else:
        found = best.of(state, name)
    if found is None:
        return ""
    value, epoch = found
    return brief_text(name, value) + (f" @{epoch}" if epoch else "")


def _at(state: RunState, name: str, step: float) -> float | None:
    series = state.series.get(name)
    at = series.at(step) if series is not None else None
    return None if at is None else at[1]


def numbers_table(rows: Sequence[NumberRow], smoothing: int, cursor: bool, width: int) -> list[Content]:
    """Return the table with its heading: a line for each row."""
    if not rows:
        return []
    now = "here" if cursor else "now"
    heading = f"{'':<{NAME_WIDTH}}{now:>{NOW_WIDTH}}{'epoch':>{EPOCH_WIDTH}}{'best':>{BEST_WIDTH}}"
    lines = [Content.styled(heading[:width], "$muted")]
    lines += [
        Content.assemble(
            (padded(cut(row.label, NAME_WIDTH - 1), NAME_WIDTH), "$muted"),
            (row.now.rjust(NOW_WIDTH), "bold"),
            row.epoch.rjust(EPOCH_WIDTH),
            row.best.rjust(BEST_WIDTH),
        )
        for row in rows
    ]
    if smoothing > 1:
        lines.append(Content.styled(f"{now}: mean of {smoothing} steps; best: @ epoch"[:width], "$muted"))
    return lines


def number_lines(rows: Sequence[NumberRow], width: int, height: int) -> list[Content]:
    """Return the numbers in at most `height` lines: one for the loss and one for the metric, columns below columns.

    In a single line the result comes first: the validation of the metric.
    """
    if not rows:
        return []
    names = list(dict.fromkeys(row.name for row in rows))
    if width < MIN_ALIGNED:
        return [_one_line([row], width)[0] for row in _by_importance(rows)][: max(height, 1)]
    if height < len(names):
        return _one_line(rows, width)
    columns: list[list[tuple[str, str]]] = [[], [], [], []]
    for name in names:
        train = next((row for row in rows if row.name == name and row.split != "val"), None)
        val = next((row for row in rows if row.name == name and row.split == "val"), None)
        columns[0].append((train.split or "now", train.now) if train is not None else ("", ""))
        columns[1].append(("epoch mean", train.epoch) if train is not None and train.epoch else ("", ""))
        columns[2].append(("val", val.now) if val is not None else ("", ""))
        columns[3].append(("best", val.best) if val is not None and val.best else ("", ""))
    shown = [column for column in columns if any(text for _, text in column)]
    first = max(len(name) for name in names)
    while len(shown) > 1 and first + sum(2 + _width(column) for column in shown) > width:
        # The mean over the epoch is the first number that can be missed, then the training.
        shown.remove(columns[1] if columns[1] in shown else shown[0])
    lines: list[Content] = []
    for index, name in enumerate(names):
        line = Content.styled(padded(name, first), "$muted")
        for column in shown:
            label, text = column[index]
            label_width = max(len(label) for label, _ in column)
            room = _width(column) - label_width - bool(label_width)
            line = Content.assemble(line, "  ", (f"{label:<{label_width}} ", "$muted"), (f"{text:<{room}}", "bold"))
        lines.append(line)
    return lines


def _by_importance(rows: Sequence[NumberRow]) -> list[NumberRow]:
    """Return the rows with the result first: validation before training, the metric before the loss."""
    return sorted(rows, key=lambda row: (row.split != "val", row.name == "loss"))


def _width(column: Sequence[tuple[str, str]]) -> int:
    return max(len(label) for label, _ in column) + 1 + max(len(text) for _, text in column)


def _one_line(rows: Sequence[NumberRow], width: int) -> list[Content]:
    """Return the most important numbers that fit into one line."""
    order = _by_importance(rows)
    parts: list[tuple[str, str]] = []
    for row in order:
        parts.append((row.label, row.now))
        if row is order[0] and row.best:
            parts.append(("best", row.best))
    line = Content("")
    for label, text in parts:
        part = Content.assemble((f"{label} ", "$muted"), (text, "bold"))
        joined = Content.assemble(line, "  ", part) if line else part
        if line and joined.cell_length > width:
            break
        line = joined
    return [line]
