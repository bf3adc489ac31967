"""A finished run in this process: its events and its network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.protocol import events as ev
from tui_trainer.runs.history import RunHistory

Weights = dict[str, Tensor]
"""A network's state, by name."""


@dataclass(slots=True)
class TrainedRun:
    """A run that was trained to its end in this process.

    Attributes:
        config: what it was made of.
        setup: its data, and its network as training left it.
        record: every number by step.
        epochs: what was said at the end of each epoch, the first one first.
        findings: what its diagnosis said, in the order in which it did.
        weights: the network's state by epoch: 0 before the first step, and those that were asked for.
        pictures: every picture that it took of itself, by name, in the order in which they were taken.
        ending: how it ended.
    """

    config: RunConfig
    setup: TrainingSetup
    record: RunHistory = field(default_factory=RunHistory)
    epochs: list[ev.EpochEnded] = field(default_factory=list[ev.EpochEnded])
    findings: list[ev.Diagnosed] = field(default_factory=list[ev.Diagnosed])
    weights: dict[int, Weights] = field(default_factory=dict[int, Weights])
    pictures: dict[str, list[ev.PictureTaken]] = field(default_factory=dict[str, list[ev.PictureTaken]])

    @property
    def ending(self) -> ev.RunFinished:
        """The event that ended the run."""
        finished = self.record.finished
        assert finished is not None, "a run is handed out when it is over"
        return finished

    @property
    def diverged(self) -> bool:
        """Whether a non-finite loss ended the run."""
        return self.ending.reason == "not-finite"

    @property
    def per_epoch(self) -> int:
        """Steps per epoch."""
        return self.setup.batches.per_epoch

    def column(self, name: str, first: int = 1, last: int | None = None) -> list[float]:
        """Return the values of a metric from step `first` to `last`."""
        rows = self.record.rows
        end = last if last is not None else max(rows, default=0)
        return [rows[step][name] for step in sorted(rows) if first <= step <= end and name in rows[step]]

    def first_step(self, metric: str, reached: float) -> float:
        """Return the first step after which a metric was at most this value; infinity if never."""
        rows = self.record.rows
        reaching = (step for step in sorted(rows) if rows[step].get(metric, math.inf) <= reached)
        return float(next(reaching, math.inf))

    def found(self, *names: str) -> ev.Diagnosed | None:
        """Return the first finding with one of these names; None if there is none."""
        return next((said for said in self.findings if said.active and said.finding in names), None)

    def batch_losses(self, epoch: int) -> list[float]:
        """Return the loss of every batch of an epoch, counted from 1."""
        return self.column("train_loss", (epoch - 1) * self.per_epoch + 1, epoch * self.per_epoch)

    def at(self, epoch: int, metric: str) -> float:
        """Return a metric at the end of an epoch (1 is the first, -1 the last); infinity if it was not finite."""
        if not self.epochs:
            return float("inf")
        value = self.epochs[epoch - 1 if epoch > 0 else epoch].metrics.get(metric)
        return float("inf") if value is None else value

    def best(self, metric: str) -> float:
        """Return the best value over the epochs: the lowest loss, or the highest accuracy."""
        values = [self.at(epoch, metric) for epoch in range(1, len(self.epochs) + 1)]
        return max(values, default=0.0) if metric.endswith("accuracy") else min(values, default=float("inf"))

    def first_epoch(self, metric: str, reached: float) -> float:
        """Return the first epoch at which a metric was at least this value; infinity if never."""
        reaching = (end.epoch for end in self.epochs if (end.metrics.get(metric) or 0.0) >= reached)
        return float(next(reaching, float("inf")))

    def read(self, picture: str, number: str, epoch: int | None = None) -> float:
        """Return a number of the last picture with this name, or of that of an epoch; NaN if it was not finite."""
        value = self._taken(picture, epoch).numbers[number]
        return math.nan if value is None else value

    def readings(self, picture: str, number: str) -> list[float]:
        """Return a number of every picture with this name, in order."""
        return [self.read(picture, number, event.epoch) for event in self.pictures[picture]]

    def reads(self, picture: str, prefix: str, epoch: int | None = None) -> dict[str, float]:
        """Return the numbers of a picture named `prefix/...`, by the rest of the name."""
        names = self._taken(picture, epoch).numbers
        found = {name.removeprefix(f"{prefix}/"): name for name in names if name.startswith(f"{prefix}/")}
        return {short: self.read(picture, name, epoch) for short, name in found.items()}

    def _taken(self, picture: str, epoch: int | None) -> ev.PictureTaken:
        events = self.pictures[picture]
        return events[-1] if epoch is None else next(event for event in events if event.epoch == epoch)

    def first_finding(self, *names: str) -> float:
        """Return the epoch of the first of these findings; infinity if there is none."""
        said = self.found(*names)
        return math.inf if said is None else float(said.epoch)
