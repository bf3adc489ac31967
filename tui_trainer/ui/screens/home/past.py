"""The usual time and the last result of each preset, from the runs that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from tui_trainer.runs.run_info import RunInfo
from tui_trainer.text import number, visible

RECENT = 5
"""Newest trainings of a preset that the usual time is taken from."""
_WHOLE = ("completed", "early-stopped")
"""Reasons for the end of a run that was not cut short."""


@dataclass(frozen=True, slots=True)
class Past:
    """The earlier trainings of a preset.

    Attributes:
        trainings: number of trainings that are over; those of a set count once.
        seconds: the usual seconds of training; 0 where none was trained to its end.
        result: the result of the newest one, in a few words; empty where nothing was measured.
    """

    trainings: int = 0
    seconds: float = 0.0
    result: str = ""


def past_of(runs: Sequence[RunInfo], variants: Mapping[str, int]) -> dict[str, Past]:
    """Return what is known of each preset.

    Args:
        runs: all runs, the newest first.
        variants: the number of runs that a training of each preset has, 1 for a single run.
    """
    trainings: dict[str, dict[str, list[RunInfo]]] = {}
    for info in runs:
        if info.preset in variants and not info.live:
            trainings.setdefault(info.preset, {}).setdefault(info.group or info.path, []).append(info)
    return {name: _past(list(found.values()), variants[name]) for name, found in trainings.items()}


def _past(trainings: Sequence[Sequence[RunInfo]], variants: int) -> Past:
    # Of a set whose runs take turns, each run counts its own seconds alone.
    whole = [
        sum(info.seconds for info in training)
        for training in trainings
        if len(training) == variants and all(info.reason in _WHOLE for info in training)
    ]
    seconds = [spent for spent in whole if spent > 0][:RECENT]
    from statistics import median  # it imports fractions and decimals, after the first frame

    return Past(len(trainings), median(seconds) if seconds else 0.0, result_of(trainings[0]))


def result_of(training: Sequence[RunInfo]) -> str:
    """Return the result by the metric that decides, in at most ten cells: of a set that of its best run."""
    measured = [info.metrics for info in training]
    for name in deciding_names(measured):
        values = [value for metrics in measured if (value := metrics.get(name)) is not None and isfinite(value)]
        if values:
            best = max(values) if larger_is_better(name) else min(values)
            return shown(name, best)
    return "failed" if all(info.status in ("failed", "dead") for info in training) else ""


def deciding_names(measured: Sequence[Mapping[str, float | None]]) -> list[str]:
    """Return the metrics by which a run is judged, the deciding one first: of validation and no loss, then losses."""
    names = dict.fromkeys(name for metrics in measured for name in metrics)
    first = [name for name in names if name.startswith("val_") and name != "val_loss"]
    # `val_r2` says more than `val_rmse`, which has the unit of the target.
    first.sort(key=lambda name: not larger_is_better(name))
    return [*first, *(name for name in ("val_loss", "train_loss") if name in names)]


def larger_is_better(name: str) -> bool:
    """Return whether a larger value of a metric is better."""
    return name.endswith(("accuracy", "_r2"))


def shown(name: str, value: float) -> str:
    """Return a value of a metric in at most ten cells: `97.5 %`, `loss 0.588`."""
    if name.endswith("accuracy"):
        return f"{100 * value:.1f} %"
    return f"{visible(name.removeprefix('val_').removeprefix('train_'))} {number(value, 3)}"


def spoken(seconds: float) -> str:
    """Return a usual time, rounded as far as it can be foretold: `5 s`, `2 min`, `1.5 h`."""
    if seconds <= 0:
        return ""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{number(round(seconds / 1800) / 2)} h"
