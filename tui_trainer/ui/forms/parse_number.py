"""What a person types where one number is asked for, read as a command."""

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


def read_rate(text: str) -> SetLearningRate:
    """A rate, or what the rate is to be multiplied by ("x2", "*0.5") or divided by ("/10", "÷10").

    Raises:
        ValueError: the text is neither; the message says what is wrong.
    """
    text = text.strip()
    if text[:1] in ("x", "*", "×", "/", "÷"):
        factor = _number(text[1:])
        if factor <= 0:
            raise ValueError("a factor is above 0")
        factor = 1 / factor if text[0] in "/÷" else factor
        if not 0 < factor < math.inf:
            raise ValueError("not a finite number")
        return SetLearningRate(factor=factor)
    value = _number(text)
    if value <= 0:
        raise ValueError("a rate is above 0")
    return SetLearningRate(value=value)


def read_clip(text: str) -> SetClip:
    """The largest gradient norm; 0, "off" or "none" for no clipping. Raises ValueError for anything else."""
    value = 0.0 if text.strip().lower() in ("off", "none") else _number(text)
    if value < 0:
        raise ValueError("a clip is 0 or above")
    return SetClip(value=value)


def read_epochs(text: str) -> SetEpochs:
    """How many epochs in all; with a sign, how many more or fewer. Raises ValueError for anything else."""
    text = text.strip()
    if not text.lstrip("+-").isdecimal() or len(text) > 9:
        raise ValueError("a whole number; +10 for ten more, -5 for five fewer")
    value = int(text)
    if text[:1] in ("+", "-"):
        if not value:
            raise ValueError("no epoch more or fewer changes nothing")
        return SetEpochs(add=value)
    if value < 1:
        raise ValueError("a run has at least one epoch")
    return SetEpochs(value=value)


def watched(state: RunState) -> list[tuple[int, float]]:
    """(step, value) of the metric that the run's schedule watches, one for each ended epoch."""
    name = getattr(state.plan.scheduler, "watch", "val_loss") if state.plan is not None else "val_loss"
    return watched_by(state, name)


def watched_by(state: RunState, name: str) -> list[tuple[int, float]]:
    """(step, value) of a metric that a schedule can watch, one for each ended epoch."""
    held = {"val_error": "val_accuracy", "train_loss": "mean_train_loss"}.get(name, name)
    series = state.series.get(held)
    if series is None:
        return []
    values = zip(series.steps, series.values, strict=True)
    return [(step, 1 - value if name == "val_error" else value) for step, value in values]
