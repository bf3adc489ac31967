"""The run of a script as its output tells it, for as long as no process of it is the run itself."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable
from time import monotonic
from typing import Any

from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.event_records import Best
from tui_trainer.watching.progress import Progressed

NO_STEP = "no step of torch or Keras was seen in a Python process of the script: only its output is read"
REFUSED = (
    "Pause",
    "Resume",
    "StepOnce",
    "SetLearningRate",
    "SetScheduler",
    "SetOptimizer",
    "SetClip",
    "SetPatience",
    "SetEpochs",
    "Evaluate",
    "ShowAnswers",
    "FindRate",
    "Race",
    "TakeRace",
    "TryStep",
    "SaveCheckpoint",
    "RollBack",
    "Undo",
    "Redo",
    "SetKnob",
    "RunAction",
    "SkipStep",
    "SetGuard",
    "RemoveGuard",
    "ShowGuards",
)
"""Commands that a script can only be asked for from within."""


class OutputRun:
    """Publishes the events of a run from what was found in the output.

    Args:
        publish: takes the events.
        describe: the event that describes the run.
    """

    def __init__(self, publish: Callable[[ev.AnyEvent], None], describe: ev.RunStarted) -> None:
        self._publish = publish
        self._began = monotonic()
        self._rows: list[tuple[int, float, dict[str, float]]] = []
        self._sums = [0.0, 0]
        """Sum and number of the training losses of this epoch."""
        self.step = self.epoch = self.bad_epochs = 0
        self.best: Best | None = None
        self.metrics: dict[str, float | None] = {}
        """The newest value of each metric."""
        self._told: ev.Capabilities | None = None
        publish(describe.model_copy(update={"pid": os.getpid(), "host": socket.gethostname()}))
        publish(ev.StatusChanged(status="running"))
        self._tell(None, None)

    @property
    def seconds(self) -> float:
        """Seconds since the script was started."""
        return round(monotonic() - self._began, 4)

    def _tell(self, epochs: int | None, steps: int | None) -> None:
        told = ev.Capabilities(
            refused=dict.fromkeys(REFUSED, NO_STEP),
            epochs=epochs if epochs is not None or self._told is None else self._told.epochs,
            steps_per_epoch=steps if steps is not None or self._told is None else self._told.steps_per_epoch,
        )
        if told != self._told:
            self._told = told
            self._publish(told.model_copy(update={"step": self.step}))

    def take(self, found: Progressed) -> None:
        """Take in what a line adds."""
        if found.epochs or found.steps:
            self._tell(found.epochs, found.steps)
        if found.began:
            self.flush()
            self.end_epoch({})
        if found.values:
            self.step = max(self.step, found.step)
            self._rows.append((found.step, self.seconds, found.values))
            self.metrics |= found.values
            loss = found.values.get("train_loss")
            if loss is not None and math.isfinite(loss):
                self._sums[0] += loss
                self._sums[1] += 1
        if found.ended is not None:
            self.flush()
            self.end_epoch(found.ended)

    def flush(self) -> None:
        """Publish the numbers of all steps since the last call, one event for rows with the same names."""
        rows, self._rows = self._rows, []
        while rows:
            names, count = rows[0][2].keys(), 1
            while count < len(rows) and rows[count][2].keys() == names and rows[count][0] > rows[count - 1][0]:
                count += 1
            part, rows = rows[:count], rows[count:]
            self._publish(_columns(part))

    def end_epoch(self, given: dict[str, float]) -> None:
        """Publish the end of an epoch."""
        self.epoch += 1
        metrics: dict[str, float | None] = {}
        if self._sums[1]:
            metrics["train_loss"] = self._sums[0] / self._sums[1]
        self._sums = [0.0, 0]
        metrics |= {name: value if math.isfinite(value) else None for name, value in given.items()}
        self.metrics |= metrics
        value = metrics.get("val_loss")
        is_best = value is not None and (self.best is None or value < self.best.value)
        if is_best and value is not None:
            self.best = Best(epoch=self.epoch, step=self.step, metric="val_loss", value=value)
        self.bad_epochs = 0 if is_best or value is None else self.bad_epochs + 1
        self._publish(
            ev.EpochEnded(
                epoch=self.epoch,
                step=self.step,
                seconds=self.seconds,
                lr=self.metrics.get("lr") or 0.0,
                metrics=metrics,
                best=self.best,
                is_best=is_best,
                bad_epochs=self.bad_epochs,
            )
        )

    def obey(self, command: cmd.AnyCommand) -> None:
        """Carry out a command that needs nothing from within the script, or refuse it."""
        if isinstance(command, cmd.Note):
            self._publish(ev.Noted(text=command.text, step=self.step, cause=command))
        else:
            self._publish(ev.Refused(reason=NO_STEP, step=self.step, cause=command))


def _columns(rows: list[tuple[int, float, dict[str, float]]]) -> ev.Scalars:
    values: dict[str, list[float | None]] = {}
    not_finite: dict[str, dict[int, str]] = {}
    for name in rows[0][2]:
        column: list[Any] = [row[2][name] for row in rows]
        for index, value in enumerate(column):
            if not math.isfinite(value):
                kind = "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
                not_finite.setdefault(name, {})[index] = kind
                column[index] = None
        values[name] = column
    steps, seconds = [row[0] for row in rows], [row[1] for row in rows]
    return ev.Scalars(step=steps[-1], steps=steps, seconds=seconds, values=values, not_finite=not_finite)
