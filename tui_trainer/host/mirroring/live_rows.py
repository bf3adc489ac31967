"""Rows of measurements, made of events as they come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import ceil

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe, letter
from tui_trainer.state.series_names import LOADS, group_of
from tui_trainer.text import visible


@dataclass(slots=True)
class MeasuredRow:
    """Everything that was measured and done at one step.

    Attributes:
        seconds: seconds of training, None where they are not known.
        time: seconds since 1970.
        back_to: the step that the run went back to before this row; what follows replaces what was after that step.
    """

    step: int
    epoch: int
    time: float
    seconds: float | None = None
    values: dict[str, float] = field(default_factory=dict[str, float])
    done: list[str] = field(default_factory=list[str])
    back_to: int | None = None


class LiveRows:
    """Collects the events of one run into rows. What belongs to one step comes in several events, and not at once."""

    def __init__(self) -> None:
        self._per_epoch = 1
        self._open: dict[int, MeasuredRow] = {}
        self._newest = self._settled = 0
        """The newest step now, and at the last call of `settle`."""
        self._back_to: int | None = None

    def take(self, event: ev.AnyEvent) -> list[MeasuredRow]:
        """Take in an event. Returns all rows where it ends the run, or where the steps go back."""
        match event:
            case ev.RunStarted():
                self._per_epoch = max(event.steps_per_epoch, 1)
                return self._back(event.step) if event.step else []
            case ev.RolledBack():
                rows = self._back(event.step) if event.restored is not None and event.saved_at is None else []
                self._done(event)
                return rows
            case ev.Scalars() if group_of(next(iter(event.values), "")) not in LOADS:
                self._scalars(event)
            case ev.EpochEnded():
                values = {name: _number(value) for name, value in event.metrics.items() if name != "train_loss"}
                self._put(event.step, _time(event.at), event.seconds, values)
            case ev.LayersMeasured():
                values = {
                    f"{measure}/{name}": value
                    for name, layer in event.layers.items()
                    for measure in ("grad_norm", "update_ratio")
                    if (value := getattr(layer, measure)) is not None
                }
                self._put(event.step, _time(event.at), None, values)
            case _ if letter(event):
                self._done(event)
            case _:
                pass
        return []

    def settle(self) -> list[MeasuredRow]:
        """Return the rows up to the step that was the newest at the last call: nothing more comes for them."""
        rows = [self._open.pop(step) for step in sorted(self._open) if step < self._settled]
        self._settled = self._newest
        return rows

    def finish(self) -> list[MeasuredRow]:
        """Return the rows that are left."""
        rows = [self._open[step] for step in sorted(self._open)]
        self._open.clear()
        return rows

    def _back(self, step: int) -> list[MeasuredRow]:
        self._back_to = step
        self._newest = self._settled = step
        return self.finish()

    def _done(self, event: ev.AnyEvent) -> None:
        self._put(event.step, _time(event.at), None, {}).done.append(visible(describe(event) or ""))

    def _scalars(self, event: ev.Scalars) -> None:
        now = _time(event.at)
        last = event.seconds[-1] if event.seconds else 0.0
        names = [visible(name) for name in event.values]
        columns = [
            column if name not in event.not_finite else _with(column, event.not_finite[name])
            for name, column in event.values.items()
        ]
        for at, (step, seconds) in enumerate(zip(event.steps, event.seconds, strict=True)):
            values = {name: _number(column[at]) for name, column in zip(names, columns, strict=True)}
            self._put(step, now - (last - seconds), seconds, values)

    def _put(self, step: int, time: float, seconds: float | None, values: dict[str, float]) -> MeasuredRow:
        row = self._open.get(step)
        if row is None:
            row = MeasuredRow(step, ceil(step / self._per_epoch), time, seconds, values, back_to=self._back_to)
            self._open[step] = row
            self._newest = max(self._newest, step)
            self._back_to = None
            return row
        row.values.update(values)
        row.seconds = seconds if seconds is not None else row.seconds
        return row


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _with(column: list[float | None], lost: dict[int, str]) -> list[float | None]:
    return [float(lost.get(at, "nan")) if value is None else value for at, value in enumerate(column)]


def _time(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return 0.0
