"""The ranking of a finished set by the metric that decides, and the reason where the set cannot rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from typing import Any

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.runs.comparing.settings import TEXT_KEYS
from tui_trainer.runs.label import short_name
from tui_trainer.state.run_state import RunState
from tui_trainer.state.seed_band import mean_deviation
from tui_trainer.state.series_names import runs_by_seed
from tui_trainer.ui.cards.result import Result, deciding_metric, result_of, shown_value

NOISE_EPOCHS = 10
"""Epochs at the end of a run whose changes tell the noise of its metric."""
MIN_NOISE_EPOCHS = 4
"""Least epochs from which that noise is estimated."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of a ranking.

    Attributes:
        name: the variant, without the name of the set; of several seeds, the first one.
        result: the result of the run, or of the best seed.
        value: the last value, or the mean over the seeds.
        spread: standard deviation over the seeds; None with one seed.
        seeds: number of runs with the same settings.
        tied: whether the difference to the first row, or from the first to another one, is not told apart.
    """

    name: str
    result: Result
    value: float
    spread: float | None
    seeds: int
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking of settings, the best first, with a remark about what it is worth."""

    metric: str
    rows: tuple[Ranked, ...]
    remark: str


@dataclass(frozen=True, slots=True)
class _Config:
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _WithoutTexts:
    """A run as its settings alone."""

    started: _Config | None

    @classmethod
    def of(cls, state: RunState) -> _WithoutTexts:
        if state.started is None or not state.started.config:
            return cls(None)
        return cls(_Config({key: value for key, value in state.started.config.items() if key not in TEXT_KEYS}))


def ranking(states: Sequence[RunState]) -> Ranking | None:
    """Rank the runs of a set that measured the same metric as the first one; None where nothing can be compared.

    Runs that differ only in their seed are one row.
    """
    metric = next((name for state in states if (name := deciding_metric(state))), "")
    measured = [(state, result) for state in states if (result := result_of(state)) and result.metric == metric]
    if len(measured) < 2:
        return None
    groups = runs_by_seed([_WithoutTexts.of(state) for state, _ in measured])
    together = {index for group in groups for index in group}
    groups += [[index] for index in range(len(measured)) if index not in together]
    sign = 1 if lower_is_better(metric) else -1
    rows: list[Ranked] = []
    for group in groups:
        results = [measured[index][1] for index in group]
        mean, deviation = mean_deviation([result.last for result in results])
        name = short_name(measured[group[0]][0].run.rpartition("/")[2])
        best = min(results, key=lambda result: sign * result.last)
        rows.append(Ranked(name, best, mean, deviation if len(group) > 1 else None, len(group)))
    rows.sort(key=lambda row: sign * row.value)
    missing = len(states) - len(measured)
    rows, remark = _judged(metric, rows, [state for state, _ in measured])
    return Ranking(metric, tuple(rows), remark + (f" {missing} without a result." if missing else ""))


def _judged(metric: str, rows: Sequence[Ranked], states: Sequence[RunState]) -> tuple[list[Ranked], str]:
    """Mark the rows that cannot be told apart from the first one, and say by which rule."""
    first, *others = rows
    if not others:
        return list(
            rows
        ), f"One setting, {first.seeds} seeds: the spread is {shown_value(metric, first.spread or 0.0)}."
    alone = any(row.spread is None for row in rows)
    rule = resolution(metric, states) if alone else None
    if alone and rule is None:
        unknown = "No ranking follows from this: the spread is unknown, one seed each. Train again with other seeds."
        return [replace(row, tied=True) for row in rows], unknown
    tied = [row for row in others if abs(row.value - first.value) <= (rule[0] if rule else _error(first, row))]
    judged = [replace(row, tied=bool(tied) and (row is first or row in tied)) for row in rows]
    names = [first.name, *(row.name for row in tied)]
    these = f"{', '.join(names[:3])} and {len(names) - 3} more" if len(names) > 4 else _joined(names)
    if rule is None and tied:
        return judged, f"No ranking: {these} cannot be told apart, their difference is within the spread of the seeds."
    if rule is None:
        leads = f"{first.name} is better than {others[0].name} by more than twice the error of that difference."
        return judged, leads
    seeds = "One seed each" if all(row.spread is None for row in rows) else "One seed for some"
    said = f"{seeds}: differences under {shown_value(metric, rule[0])} are not told apart ({rule[1]})."
    return judged, f"{said} That holds for {these}." if tied else f"{said} {first.name} leads by more."


def _joined(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _error(one: Ranked, other: Ranked) -> float:
    """Return twice the standard error of the difference of two means over seeds."""
    return 2 * sqrt((one.spread or 0.0) ** 2 / one.seeds + (other.spread or 0.0) ** 2 / other.seeds)


def resolution(metric: str, states: Sequence[RunState]) -> tuple[float, str] | None:
    """Return the difference below which two runs with one seed each are not told apart, and its rule in words.

    A share of n samples has the standard error sqrt(p (1 - p) / n), and the difference of two such shares sqrt(2) times
    as much. For any other metric, the changes from epoch to epoch at the end of the runs tell its noise: their mean
    square is twice its variance. None where neither is known.
    """
    counts = [state.started.validation_samples for state in states if state.started is not None]
    if metric == "val_accuracy" and counts and min(counts) > 0:
        shares = [min(max(state.series[metric].last or 0.0, 0.0), 1.0) for state in states]
        p, count = sum(shares) / len(shares), min(counts)
        return 2 * sqrt(2 * p * (1 - p) / count), f"2 standard errors with {count:,} samples"
    squares: list[float] = []
    for state in states:
        values = [value for value in list(state.series[metric].values)[-NOISE_EPOCHS:] if value == value]
        if metric == "train_loss" or len(values) < MIN_NOISE_EPOCHS:
            return None
        squares.append(sum((b - a) ** 2 for a, b in pairwise(values)) / (len(values) - 1))
    return 2 * sqrt(sum(squares) / len(squares)), f"2 standard errors by the noise of the last {NOISE_EPOCHS} epochs"
