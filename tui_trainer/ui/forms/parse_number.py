"""Parse the number that a user typed in a dialog into a command."""

from __future__ import annotations

import math

from tui_trainer.protocol.commands import SetClip, SetEpochs, SetLearningRate
from tui_trainer.state.run_state import RunState


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError("not a number") from None
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def parse_rate(text: str) -> SetLearningRate:
    """Parse a learning rate, or a factor: "x2", "*0.5", "/10", "÷10".

    Raises:
        ValueError: the text is neither, or not greater than 0.
    """
    text = text.strip()
    if text[:1] in ("x", "*", "×", "/", "÷"):
        factor = _number(text[1:])
        if factor <= 0:
            raise ValueError("must be greater than 0")
        factor = 1 / factor if text[0] in "/÷" else factor
        if not 0 < factor < math.inf:
            raise ValueError("not a finite number")
        return SetLearningRate(factor=factor)
    value = _number(text)
    if value <= 0:
        raise ValueError("must be greater than 0")
    return SetLearningRate(value=value)


def parse_clip(text: str) -> SetClip:
    """Parse the largest gradient norm; 0, "off" or "none" for no clipping.

    Raises:
        ValueError: the text is no number, or negative.
    """
    value = 0.0 if text.strip().lower() in ("off", "none") else _number(text)
    if value < 0:
        raise ValueError("must be at least 0")
    return SetClip(value=value)


def parse_epochs(text: str) -> SetEpochs:
    """Parse the total number of epochs; with a sign, the number of epochs to add or remove.

    Raises:
        ValueError: the text is no whole number, or would change nothing.
    """
    text = text.strip()
    if not text.lstrip("+-").isdecimal() or len(text) > 9:
        raise ValueError("enter a whole number, or +10 for ten more, -5 for five fewer")
    value = int(text)
    if text[:1] in ("+", "-"):
        if not value:
            raise ValueError("enter a number other than 0")
        return SetEpochs(add=value)
    if value < 1:
        raise ValueError("must be at least 1")
    return SetEpochs(value=value)


def watched_metric(state: RunState) -> list[tuple[int, float]]:
    """Return (step, value) of the metric that the run's schedule monitors, one pair per epoch."""
    name = getattr(state.plan.scheduler, "watch", "val_loss") if state.plan is not None else "val_loss"
    return metric_values(state, name)


def metric_values(state: RunState, name: str) -> list[tuple[int, float]]:
    """Return (step, value) of a metric that a schedule can monitor, one pair per epoch."""
    recorded = {"val_error": "val_accuracy", "train_loss": "mean_train_loss"}.get(name, name)
    series = state.series.get(recorded)
    if series is None:
        return []
    values = zip(series.steps, series.values, strict=True)
    return [(step, 1 - value if name == "val_error" else value) for step, value in values]
