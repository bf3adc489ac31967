"""The runs of a set with their results, in the order of one column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.state.run_state import MEAN_TRAIN_LOSS, RunState
from tui_trainer.state.seed_band import mean_deviation
from tui_trainer.state.series_names import runs_by_seed
from tui_trainer.ui.panels.numbers_table import BestValues
from tui_trainer.ui.panels.progress import shown_variant
from tui_trainer.ui.panels.runs_list import ranking_series

Column = Literal["last", "best", "epoch", "loss", "rate", "time", "run"]
"""A column: the last and the best value of the metric that decides, the epoch of the best one, the validation loss (of
a run without one, the training loss), the learning rate, the time of training, the name."""
COLUMNS: tuple[Column, ...] = get_args(Column)
"""The columns in the order in which a key sorts by them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One run of a set as numbers; None for what is not measured yet.

    Attributes:
        index: position in the set.
        name: the variant.
        last, best: values of the metric that decides.
        epoch: epoch of the best one.
        loss: validation loss, else the mean training loss.
        rate: learning rate.
        time: seconds of training.
    """

    index: int
    name: str
    last: float | None
    best: float | None
    epoch: int | None
    loss: float | None
    rate: float | None
    time: float


@dataclass(frozen=True, slots=True)
class SeedSpread:
    """Means and standard deviations over runs that differ only in their seed.

    Attributes:
        name: the first of the runs.
        seeds: how many they are.
        last, best, loss: mean and deviation; None where a run has no value.
    """

    name: str
    seeds: int
    last: tuple[float, float] | None
    best: tuple[float, float] | None
    loss: tuple[float, float] | None


def standings(states: Sequence[RunState], best: BestValues, metric: str = "") -> list[Standing]:
    """Return the standing of each run in the order of the set."""
    metric = metric or ranking_series(states)
    rows: list[Standing] = []
    for index, state in enumerate(states):
        series, found = state.series.get(metric), best.of(state, metric)
        rows.append(
            Standing(
                index,
                shown_variant(state),
                series.last if series is not None else None,
                found[0] if found is not None else None,
                (found[1] or None) if found is not None else None,
                _loss(state),
                state.lr if state.step else None,
                state.seconds,
            )
        )
    return rows


def _loss(state: RunState) -> float | None:
    for name in ("val_loss", MEAN_TRAIN_LOSS, "train_loss"):
        series = state.series.get(name)
        if series is not None and series.last is not None:
            return series.last
    return None


def ordered(rows: Sequence[Standing], column: Column, metric: str, *, reverse: bool = False) -> list[Standing]:
    """Return the runs in the order of a column, the best first; those without a value last, either way."""
    low_first = column in ("epoch", "loss", "time") or (column != "rate" and lower_is_better(metric))
    if column == "run":
        return sorted(rows, key=lambda row: row.name, reverse=reverse)
    value: Callable[[Standing], float | None] = lambda row: getattr(row, column)  # noqa: E731 - its type is needed
    known = [row for row in rows if value(row) is not None]
    sign = 1 if low_first != reverse else -1
    known.sort(key=lambda row: sign * (value(row) or 0.0))
    return [*known, *(row for row in rows if value(row) is None)]


def seed_means(states: Sequence[RunState], rows: Sequence[Standing]) -> list[SeedSpread]:
    """Return a row for each group of runs that differ only in their seed."""
    found: list[SeedSpread] = []
    for group in runs_by_seed(states):
        of = [rows[index] for index in group]
        last, best, loss = (_mean([getattr(row, name) for row in of]) for name in ("last", "best", "loss"))
        found.append(SeedSpread(of[0].name, len(of), last, best, loss))
    return found


def _mean(values: Sequence[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return mean_deviation(known) if known and len(known) == len(values) else None
