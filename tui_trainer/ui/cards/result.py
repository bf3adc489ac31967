"""The result of a run by the metric that decides: its last and its best value, in one line."""

from __future__ import annotations

from dataclasses import dataclass

from tui_trainer.components.early_stopping import lower_is_better
from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.run_state import MEAN_TRAIN_LOSS, RunState
from tui_trainer.ui.charts.readout import series_label


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a run.

    Attributes:
        metric: name of the series that decides.
        last, best: its newest and its best value.
        epoch: epoch of the best value; 0 where the values are not those of epochs.
        seconds: seconds of training.
    """

    metric: str
    last: float
    best: float
    epoch: int
    seconds: float


def deciding_metric(state: RunState) -> str:
    """Return the series that decides: the metric on validation data, else a loss; empty before anything is measured."""
    metric = state.started.metric if state.started is not None else ""
    names = [f"val_{metric}", f"train_{metric}"] if metric else []
    for name in (*names, "val_loss", MEAN_TRAIN_LOSS, "train_loss"):
        series = state.series.get(name)
        if series is not None and series.last is not None:
            return name
    return ""


def result_of(state: RunState) -> Result | None:
    """Return the result of a run, None where nothing was measured."""
    name = deciding_metric(state)
    if not name:
        return None
    series = state.series[name]
    known = [(value, step) for step, value in zip(series.steps, series.values, strict=True) if value == value]
    if not known or series.last is None:
        return None
    sign = 1 if lower_is_better(name) else -1
    # Of equal values the first one is the best.
    best, step = min(known, key=lambda point: (sign * point[0], point[1]))
    saved = state.best
    if saved is not None and saved.metric == name and sign * saved.value <= sign * best:
        best, step = saved.value, saved.step  # of a long run the series keeps only the newest values
    epoch = 0 if name == "train_loss" else round(state.epoch_at(step))
    return Result(name, series.last, best, epoch, state.seconds)


def shown_value(metric: str, value: float) -> str:
    """Return a value of a metric as text: a share in percent, any other as a number."""
    return f"{100 * value:.1f} %" if metric.endswith("accuracy") else number(value)


def metric_name(metric: str) -> str:
    """Return the name of a metric for a sentence: `val accuracy`."""
    return "train loss" if metric == MEAN_TRAIN_LOSS else series_label(metric).replace("_", " ")


def verdict(result: Result) -> str:
    """Return the result in one line: `99.2 % (best 99.4 %, epoch 14) in 38 s`."""
    last, best = shown_value(result.metric, result.last), shown_value(result.metric, result.best)
    name = "" if result.metric == "val_accuracy" else f"{metric_name(result.metric)} "
    at = f", epoch {result.epoch}" if result.epoch else ""
    inside = f" (best{at})" if best == last and at else f" (best {best}{at})" if best != last else ""
    return f"{name}{last}{inside} in {duration(result.seconds)}"
