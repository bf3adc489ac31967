"""The values under the cursor as pairs of label and number, and the labels of series."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from tui_trainer.diagnosis.reducer import COSINE, EFFECTIVE, QUALITY, UPDATE
from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.run_state import CLOCK, MEAN_TRAIN_LOSS, RunState
from tui_trainer.state.seed_band import mean_deviation
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.context import short_name
from tui_trainer.ui.charts.kinds.metric import metric_of
from tui_trainer.ui.charts.seeds.groups import drawn_groups
from tui_trainer.ui.charts.seeds.mean import spread_text
from tui_trainer.ui.charts.view import View

_LEADING = ("train_loss", MEAN_TRAIN_LOSS, "val_loss", "lr", "grad_norm")
_EXCLUDED = frozenset((CLOCK, COSINE, EFFECTIVE, QUALITY, UPDATE))
"""Series that are not read out: the clock is shown as a duration, and step-probe series belong to the diagnosis."""
_LABELS = {MEAN_TRAIN_LOSS: "train loss (epoch mean)", "lr": "learning rate", "grad_norm": "gradient norm"}


def series_label(name: str) -> str:
    """Return the label of a series for status, summary and cards: "train loss", "val accuracy", "gradient norm"."""
    split, _, rest = name.partition("_")
    readable = f"{split} {rest}" if split in ("train", "val", "test") and rest else name
    return visible(_LABELS.get(name, readable))


def values_at(states: Sequence[RunState], selected: int, view: View) -> list[tuple[str, str]]:
    """Return the step, epoch and values of the selected run at the cursor, then the training losses of the other runs.

    Without a cursor the values are those of the newest step.
    """
    if not states:
        return []
    at = min(max(selected, 0), len(states) - 1)
    front = states[at]
    cursor = view.cursor if view.cursor is not None and isfinite(view.cursor) else front.step
    step = float(min(max(cursor, 0), front.step))
    seconds = Ruler.of(front, "time").position(step)
    rows = [("step", f"{step:.0f}"), ("epoch", f"{front.epoch_at(step):.2f}")]
    if CLOCK in front.series:
        rows.append(("time", duration(seconds)))
    others = sorted(name for name in front.series if "/" not in name and name not in (*_LEADING, *_EXCLUDED))
    for name in (*_LEADING, *others):
        value = _value(front, name, step)
        if value is not None:
            rows.append((series_label(name), number(value)))
    position = Ruler.of(front, view.axis).position(step)
    rows += _over_seeds(states, at, view, position)
    for state in states:
        if state is not front:
            value = _value(state, "train_loss", Ruler.of(state, view.axis).step(position))
            rows.append((short_name(state) or "run", number(value)))
    return rows


def _over_seeds(states: Sequence[RunState], front: int, view: View, position: float) -> list[tuple[str, str]]:
    """Return mean and deviation of losses and metric over the runs of the band of the run in front."""
    group = next((group for group in drawn_groups(states, view.band) if front in group), ())
    metric = metric_of(states[front])
    rows: list[tuple[str, str]] = []
    # The newest loss of a batch says little; at the cursor it stands beside that of the run.
    names = ("train_loss", "val_loss", f"val_{metric}") if view.cursor is not None else ("val_loss", f"val_{metric}")
    for name in dict.fromkeys(names) if group else ():
        at = [_value(states[run], name, Ruler.of(states[run], view.axis).step(position)) for run in group]
        if view.cursor is None:
            at = [series.last if (series := states[run].series.get(name)) is not None else None for run in group]
        known = [value for value in at if value is not None]
        if known:
            rows.append((f"{series_label(name)}, {len(known)} seeds", spread_text(mean_deviation(known))))
    return rows


def _value(state: RunState, name: str, step: float) -> float | None:
    series = state.series.get(name)
    at = series.at(step) if series is not None else None
    return None if at is None else at[1]
