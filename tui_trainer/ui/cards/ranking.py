"""The ranking of a finished set by the metric that decides, and the reason where the set cannot rank."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.runs.label import short_name
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.cards.result import Result, deciding_metric, result_of, shown_value


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of a ranking.

    Attributes:
        name: the variant, without the name of the set; of several seeds, the first one.
        result: the result of the run, or of the best seed.
        value: the last value, or the mean over the seeds.
        spread: standard deviation over the seeds; None with one seed.
        seeds: number of runs with the same settings.
    """

    name: str
    result: Result
    value: float
    spread: float | None
    seeds: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """A ranking of settings, the best first, with a remark about what it is worth."""

    metric: str
    rows: tuple[Ranked, ...]
    remark: str


def _settings(state: RunState) -> str:
    """Return the settings of a run without its seed and its words, as a key."""
    config = dict(state.started.config) if state.started is not None else {}
    training = config.get("training")
    if isinstance(training, dict):
        config["training"] = {name: value for name, value in training.items() if name != "seed"}
    parts = {name: value for name, value in config.items() if name not in ("title", "summary", "lesson", "narration")}
    return json.dumps(parts, sort_keys=True, default=str)


def ranking(states: Sequence[RunState]) -> Ranking | None:
    """Rank the runs of a set that measured the same metric as the first one; None where nothing can be compared."""
    metric = next((name for state in states if (name := deciding_metric(state))), "")
    measured = [(state, result) for state in states if (result := result_of(state)) and result.metric == metric]
    if len(measured) < 2:
        return None
    groups: dict[str, list[tuple[RunState, Result]]] = {}
    for state, result in measured:
        # Without settings (an old run) each run is its own group.
        groups.setdefault(_settings(state) if state.started and state.started.config else state.run, []).append(
            (state, result)
        )
    sign = 1 if lower_is_better(metric) else -1
    rows: list[Ranked] = []
    for group in groups.values():
        values = [result.last for _, result in group]
        name = short_name(group[0][0].run.rpartition("/")[2])
        best = min((result for _, result in group), key=lambda result: sign * result.last)
        spread = stdev(values) if len(values) > 1 else None
        rows.append(Ranked(name, best, fmean(values), spread, len(values)))
    rows.sort(key=lambda row: sign * row.value)
    missing = len(states) - len(measured)
    remark = _remark(metric, rows) + (f" {missing} without a result." if missing else "")
    return Ranking(metric, tuple(rows), remark)


def _remark(metric: str, rows: Sequence[Ranked]) -> str:
    if len(rows) == 1:
        spread = rows[0].spread or 0.0
        return f"One setting, {rows[0].seeds} seeds: the spread is {shown_value(metric, spread)}."
    if any(row.spread is None for row in rows):
        return "No ranking follows from this: the spread is unknown, one seed each. Train again with other seeds."
    first, second = rows[0], rows[1]
    # The standard error of the difference of two means.
    error = ((first.spread or 0) ** 2 / first.seeds + (second.spread or 0) ** 2 / second.seeds) ** 0.5
    gap = abs(first.value - second.value)
    if gap > 2 * error:
        return f"{first.name} is better than {second.name} by more than twice the error of that difference."
    return f"{first.name} and {second.name} cannot be told apart: their difference is within its error."
