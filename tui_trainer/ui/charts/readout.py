"""What the curves have under the cursor, as a line of names and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from tui_trainer.diagnosis.reducer import COSINE, EFFECTIVE, QUALITY, UPDATE
from tui_trainer.protocol.describe import duration, number
from tui_trainer.state.run_state import CLOCK, MEAN_TRAIN_LOSS, RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.context import short_name
from tui_trainer.ui.charts.view import View

_FIRST = ("train_loss", MEAN_TRAIN_LOSS, "val_loss", "lr", "grad_norm")
_APART = frozenset((CLOCK, COSINE, EFFECTIVE, QUALITY, UPDATE))
"""What is read off elsewhere: the time is there in words, and what probes measured belongs to the diagnosis."""
_SHORT = {"train_loss": "train", MEAN_TRAIN_LOSS: "epoch mean", "val_loss": "val", "grad_norm": "norm"}


def values_at(states: Sequence[RunState], selected: int, view: View) -> list[tuple[str, str]]:
    """Where the cursor stands and what the selected run had there; then the losses of the other runs at the same place.

    Without a cursor it is the newest step.
    """
    if not states:
        return []
    front = states[min(max(selected, 0), len(states) - 1)]
    cursor = view.cursor if view.cursor is not None and isfinite(view.cursor) else front.step
    step = float(min(max(cursor, 0), front.step))
    seconds = Ruler.of(front, "time").place(step)
    found = [("step", f"{step:.0f}"), ("epoch", f"{step / front.steps_per_epoch:.2f}")]
    if CLOCK in front.series:
        found.append(("time", duration(seconds)))
    others = sorted(name for name in front.series if "/" not in name and name not in (*_FIRST, *_APART))
    for name in (*_FIRST, *others):
        value = _value(front, name, step)
        if value is not None:
            found.append((visible(_SHORT.get(name, name)), number(value)))
    place = Ruler.of(front, view.axis).place(step)
    for state in states:
        if state is not front:
            value = _value(state, "train_loss", Ruler.of(state, view.axis).step(place))
            found.append((short_name(state) or "run", number(value)))
    return found


def _value(state: RunState, name: str, step: float) -> float | None:
    series = state.series.get(name)
    at = series.at(step) if series is not None else None
    return None if at is None else at[1]
