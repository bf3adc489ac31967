"""The runs of a set, one per line or with a curve each, in the colours of their charts."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cut, padded
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.kinds.metric import metric_of
from tui_trainer.ui.charts.palette import RUNS, Palette
from tui_trainer.ui.charts.readout import series_label
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.numbers_table import BestValues, value_text
from tui_trainer.ui.panels.progress import DEAD, condition, shown_variant
from tui_trainer.ui.panels.sparklines import history
from tui_trainer.ui.render.sparkline import sparkline
from tui_trainer.ui.run_store import RunStore

VALUE_WIDTH = 9
"""Cells of the value at the end of a line."""
MIN_SPARKLINE = 6
"""Cells of the narrowest sparkline that is worth its room."""


def ranking_series(states: Sequence[RunState]) -> str:
    """Return the series that decides between the runs of a set: the metric on validation data, else a loss."""
    names: list[str] = []
    for state in states:
        metric = metric_of(state)
        names += [f"val_{metric}", metric] if metric else []
    names += ["val_loss", "train_loss"]
    return next((name for name in names if any(name in state.series for state in states)), "train_loss")


def runs_list(
    states: Sequence[RunState],
    front: int,
    width: int,
    icons: Icons,
    palette: Palette,
    store: RunStore,
    best: BestValues,
    *,
    most: int = 1000,
    steer_all: bool = False,
) -> list[Content]:
    """Return a heading and a line for each run of a set; a single run has no list.

    A line shows the sign of the run in front, which is bold, the condition, the name, the epoch, a sparkline of the
    ranking metric where there is room, and its best value, with a star for the best of all runs. Of more than `most`
    runs, those around the one in front are listed. With `steer_all`, every run that the keys affect has the sign of the
    run in front.
    """
    if len(states) < 2:
        return []
    first, count = visible_rows(len(states), front, most)
    shown = range(first, first + count)
    ranking = ranking_series(states)
    values = [best.of(state, ranking) for state in states]
    leader = _leader(values, lower_is_better(ranking))
    conditions = {index: condition(states[index], store, icons) for index in shown}
    middles = {index: _middle(states[index], conditions[index][1]) for index in shown}
    middle_width = max(map(len, middles.values()))
    room = width - 3 - 1 - middle_width - VALUE_WIDTH - 1
    name_width = max(min(max(len(shown_variant(states[index])) for index in shown), room), 4)
    curve_width = room - name_width - 2
    part = f"runs {first + 1}-{first + count} of {len(states)}" if count < len(states) else f"{len(states)} runs"
    numbers = run_colors(states)
    lines = [_heading(part, f"best {series_label(ranking)}", width)]
    for index in shown:
        state, value = states[index], values[index]
        sign, _, style = conditions[index]
        weight = "bold" if index == front else ""
        name = padded(cut(shown_variant(state), name_width), name_width)
        curve = _curve(state, ranking, curve_width, icons)
        role = color(numbers[index], palette)
        text = value_text(ranking, value[0], 3) if value is not None else "-"
        lines.append(
            Content.assemble(
                (icons.pointer if index == front or steer_all else " ", "bold"),
                (sign, style),
                " ",
                Content.styled(name, role).stylize(weight),
                (f" {middles[index]:<{middle_width}}", weight or "$muted"),
                (f"  {curve}" if curve else "", role),
                (text.rjust(VALUE_WIDTH), weight),
                ("*" if index == leader else "", "bold"),
            )
        )
    return lines


def _heading(left: str, right: str, width: int) -> Content:
    left = cut(left, max(width - len(right) - 3, 0))
    return Content.styled(f"{padded(left, max(width - len(right) - 1, 0))}{right}", "$muted")


def _middle(state: RunState, word: str) -> str:
    """Return the epochs of a run, or that nothing trains it any more."""
    return DEAD if word == DEAD else f"{state.epoch}/{state.epochs}" if state.epochs else ""


def _curve(state: RunState, ranking: str, width: int, icons: Icons) -> str:
    """Return the sparkline of the ranking metric in `width` cells, empty where there is no room for one."""
    if width < MIN_SPARKLINE:
        return ""
    series = state.series.get(ranking)
    return sparkline(history(series, width) if series is not None else (), width, icons.ascii)


def _leader(values: Sequence[tuple[float, int] | None], lower: bool) -> int | None:
    """Return the index of the best value; among equal ones of the one that was reached first."""
    known = [(value[0] if lower else -value[0], value[1], index) for index, value in enumerate(values) if value]
    return min(known)[2] if known else None


def visible_rows(count: int, front: int, most: int) -> tuple[int, int]:
    """Return the first of at most `most` runs around the one in front, and how many they are."""
    most = max(most, 1)
    first = min(max(front - most // 2, 0), max(count - most, 0))
    return first, min(most, count - first)


def color(number: int, palette: Palette) -> Style:
    """Return the colour of a run's curves, by its colour number."""
    return Style.from_rich_style(palette.style(RUNS[number % len(RUNS)]))
