"""The text of the leaderboard: the progress of the whole set, then a line for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual.content import Content

from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, padded
from tui_trainer.ui.cards.result import shown_value
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.numbers_table import BestValues
from tui_trainer.ui.panels.panel import fitted
from tui_trainer.ui.panels.progress import DEAD, condition, set_time_left_text, share_done
from tui_trainer.ui.panels.runs_list import color, ranking_series, visible_rows
from tui_trainer.ui.panels.sparklines import history
from tui_trainer.ui.render.sparkline import sparkline
from tui_trainer.ui.run_store import RunStore
from tui_trainer.ui.sets.leaderboard import Column, SeedSpread, Standing, seed_means, standings
from tui_trainer.ui.sets.set_view import SetView

_WIDTHS: dict[Column, int] = {"last": 9, "best": 9, "epoch": 6, "loss": 9, "rate": 10, "time": 9}
"""Cells of the columns."""
_SPARED: tuple[Column, ...] = ("time", "rate", "epoch", "loss", "best")
"""The columns that a narrow screen does without, the first ones first."""
MIN_NAME, MAX_NAME = 8, 28
"""Cells of the names."""
MIN_CURVE, MAX_CURVE = 6, 24
"""Cells of the sparklines; with less room there are none."""
MIN_SEGMENT = 3
"""Cells of the part of one run in the bar; with less room the bar is one for all."""
MAX_BAR = 40
"""Cells of the bar at most."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """The width of the names and of the curves, and the columns that have room."""

    name: int
    columns: tuple[Column, ...]
    curve: int

    @classmethod
    def of(cls, width: int, longest: int) -> _Layout:
        columns: list[Column] = list(_WIDTHS)
        for spared in _SPARED:
            if 4 + min(longest, MAX_NAME) + sum(_WIDTHS[column] for column in columns) <= width:
                break
            columns.remove(spared)
        room = width - 4 - sum(_WIDTHS[column] for column in columns)
        name = max(min(longest, MAX_NAME, room), min(MIN_NAME, max(room, 1)))
        curve = min(room - name - 2, MAX_CURVE)
        return cls(name, tuple(columns), curve if curve >= MIN_CURVE else 0)


def leaderboard_page(
    states: Sequence[RunState],
    front: int,
    width: int,
    height: int,
    icons: Icons,
    palette: Palette,
    store: RunStore,
    best: BestValues,
    sets: SetView,
) -> list[Content]:
    """Return the lines of the page: at most `height`, with the selected run among them.

    Only the lines that are visible are made, and only their runs get a sparkline.
    """
    if not states:
        return []
    metric = ranking_series(states)
    rows = standings(states, best, metric)
    order = sets.sorted(rows, metric)
    means = seed_means(states, rows)
    means = means[: max(height // 3 - 1, 0)]
    place = next((at for at, row in enumerate(order) if row.index == front), 0)
    first, count = visible_rows(len(order), place, max(height - 2 - len(means), 1))
    layout = _Layout.of(width, max(cell_width(row.name) for row in rows))
    lines = [set_bar(states, width, icons, palette, store), _heading(layout, icons, sets)]
    if height < 3:
        lines = lines[1:]
    colors = run_colors(states)
    baseline = sets.baseline_state(states)
    for row in order[first : first + count]:
        state = states[row.index]
        sign, word, style = condition(state, store, icons)
        hidden, selected = state.run in sets.hidden, row.index == front
        series = state.series.get(metric)
        curve = history(series, layout.curve) if series is not None and layout.curve else ()
        role = color(colors[row.index], palette)
        tag = icons.pinned if state is baseline else icons.hidden if hidden else " "
        name = Content.styled(padded(cut(row.name, layout.name, icons.ellipsis), layout.name), role)
        weight = "bold" if selected else "$muted" if hidden else ""
        lines.append(
            Content.assemble(
                (icons.pointer if selected else " ", "bold"),
                (sign, style),
                (tag, "bold"),
                " ",
                name.stylize(weight) if weight else name,
                ("".join(_cell(row, column, metric) for column in layout.columns), weight),
                ("  " + sparkline(curve, layout.curve, icons.ascii) if curve else "", role),
                (f"  {word}" if word == DEAD else "", style),
            )
        )
    lines += [_mean_line(mean, layout, metric, width) for mean in means]
    return [fitted(line, width, icons) for line in lines[: max(height, 1)]]


def _heading(layout: _Layout, icons: Icons, sets: SetView) -> Content:
    """Return the names of the columns, the sorted one marked."""
    parts: list[Content | tuple[str, str]] = []
    title = f"    {padded(cut('run', layout.name), layout.name)}"
    arrow = icons.ascending if sets.reverse else icons.descending
    parts.append((title, "bold" if sets.sort == "run" else "$muted"))
    for column in layout.columns:
        mark = f"{column}{arrow}" if sets.sort == column else column
        parts.append((mark.rjust(_WIDTHS[column]), "bold" if sets.sort == column else "$muted"))
    return Content.assemble(*parts)


def leaderboard_note(sets: SetView, icons: Icons) -> str:
    """Return what the tags beside the names mean, for the title of the page; empty where no run has one."""
    notes = [f"{icons.pinned} baseline"] if sets.baseline else []
    notes = ["the baseline cannot be read"] if sets.baseline and sets.reader.problem else notes
    notes += [f"{icons.hidden} {len(sets.hidden)} hidden"] if sets.hidden else []
    return f" {icons.dot} ".join(notes)


def _cell(row: Standing, column: Column, metric: str) -> str:
    """Return the value of a column as text, right-aligned."""
    texts: dict[Column, Callable[[float], str]] = {
        "last": lambda value: shown_value(metric, value),
        "best": lambda value: shown_value(metric, value),
        "epoch": lambda value: str(int(value)),
        "time": duration,
    }
    value: float | None = getattr(row, column)
    text = "-" if value is None else texts.get(column, lambda each: number(each, 3))(value)
    width = _WIDTHS[column]
    return cut(text, width - 1).rjust(width)


def _mean_line(mean: SeedSpread, layout: _Layout, metric: str, width: int) -> Content:
    """Return mean ± deviation over the seeds of one setting, as many values as fit."""
    line = Content.assemble(
        (f"    {padded(cut(mean.name, layout.name), layout.name)} ", "bold"), (f"mean of {mean.seeds} seeds", "$muted")
    )
    values = (("last", metric, mean.last), ("best", metric, mean.best), ("loss", "val_loss", mean.loss))
    for label, of, value in values:
        if value is None:
            continue
        longer = Content.assemble(line, (f"  {label} ", "$muted"), spread_text(of, *value))
        if longer.cell_length > width:
            break
        line = longer
    return line


def spread_text(metric: str, mean: float, deviation: float) -> str:
    """Return mean ± deviation: `97.1 ± 0.4 %`, `0.31 ± 0.02`."""
    if metric.endswith("accuracy"):
        return f"{100 * mean:.1f} ± {100 * deviation:.1f} %"
    return f"{number(mean)} ± {number(deviation, 2)}"


def set_bar(states: Sequence[RunState], width: int, icons: Icons, palette: Palette, store: RunStore) -> Content:
    """Return the progress of the whole set in one line: a part of the bar for each run where they have room."""
    room = min(MAX_BAR, max(width // 2, 4))
    count = len(states)
    shares = [1.0 if state.over else share_done([state]) for state in states]
    bar = Content("")
    if room // count >= MIN_SEGMENT:
        colors = run_colors(states)
        for index, share in enumerate(shares):
            full, rest = icons.bar(share, room // count - 1)
            bar = Content.assemble(bar, (full, color(colors[index], palette)), (rest, "$muted"), " ")
    else:
        full, rest = icons.bar(share_done(states), room)
        bar = Content.assemble((full, "$primary"), (rest, "$muted"), " ")
    over = sum(state.over for state in states)
    done = f"{share_done(states):4.0%}  {over} of {count} runs done"
    left = set_time_left_text([state for state in states if not store.vanished(state)])
    return Content.assemble(bar, done, (f"  {left}" if left else "", "$muted"))
