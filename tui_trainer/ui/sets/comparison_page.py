"""The page that compares the runs of the screen: values, the settings that differ, and the versions of the code."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui_trainer.protocol.describe import duration
from tui_trainer.state.run_state import MEAN_TRAIN_LOSS, RunState
from tui_trainer.text import cell_width, cut, padded, visible, wrapped
from tui_trainer.ui.cards.result import metric_name, result_of, shown_value
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.sets.comparison import Comparison
from tui_trainer.ui.sets.run_names import distinct_names

MIN_COLUMN, MAX_COLUMN = 10, 24
"""Cells of a column."""
MAX_LABEL = 30
"""Cells of the widest name of a setting."""


def comparison_page(
    states: Sequence[RunState], front: int, width: int, icons: Icons, comparison: Comparison
) -> list[Content]:
    """Return the lines of the page: a column for each run, as many as fit, those around the selected one."""
    if not states:
        return []
    values = _values(states)
    label = max(cell_width(name) for name in [*values, *comparison.settings])
    label = min(label, MAX_LABEL, max(width // 3, 8))
    count = min(len(states), max((width - label - 1) // (MIN_COLUMN + 1), 1))
    first = min(max(front - count // 2, 0), len(states) - count)
    shown = range(first, first + count)
    column = min(max((width - label - 1) // count - 1, 4), MAX_COLUMN)

    def row(name: str, cells: Sequence[str]) -> str:
        return "".join(
            [padded(cut(name, label, icons.ellipsis), label)]
            + [" " + padded(cut(cells[index], column, icons.ellipsis), column) for index in shown]
        ).rstrip()

    names = distinct_names(states)
    names[min(front, len(states) - 1)] = icons.pointer + names[min(front, len(states) - 1)]
    lines = [Content.styled(row("", names), "bold")]
    if count < len(states):
        lines[0] = Content.styled(row(f"{first + 1}-{first + count} of {len(states)}", names), "bold")
    lines += [Content(row(name, cells)) for name, cells in values.items()]
    lines += [Content.styled(part, "$warning") for text in comparison.remarks for part in wrapped(f"! {text}", width)]
    if comparison.settings:
        lines += [Content(""), Content.styled("settings that differ", "bold")]
        lines += [Content(row(key, cells)) for key, cells in comparison.settings.items()]
    elif len(states) > 1:
        lines += [Content(""), Content.styled("no setting differs", "bold")]
    if comparison.code:
        lines += [Content(""), Content.styled("code", "bold")]
        lines += [Content(part) for of, text in comparison.code for part in wrapped(f"{visible(of)}: {text}", width)]
    return lines


def _values(states: Sequence[RunState]) -> dict[str, list[str]]:
    """Return the results of each run by the name of the row, without rows that no run has."""
    results = [result_of(state) for state in states]
    metrics = dict.fromkeys(result.metric for result in results if result is not None)
    rows: dict[str, list[str]] = {}
    for metric in metrics:
        of = [result if result is not None and result.metric == metric else None for result in results]
        name = metric_name(metric)
        rows[name] = [shown_value(metric, result.last) if result is not None else "-" for result in of]
        rows[f"best {name}"] = [
            (shown_value(metric, result.best) + (f" @{result.epoch}" if result.epoch else "")) if result else "-"
            for result in of
        ]
    for series in ("val_loss", MEAN_TRAIN_LOSS):
        last = [one.last if (one := state.series.get(series)) is not None else None for state in states]
        if any(value is not None for value in last):
            rows.setdefault(
                metric_name(series), [shown_value(series, value) if value is not None else "-" for value in last]
            )
    rows["epochs"] = [str(state.epoch) for state in states]
    rows["time"] = [duration(state.seconds) for state in states]
    return rows
