"""What the loop decides at the end of an epoch: whether it is the best, and whether to wait for a better one."""

from __future__ import annotations

from typing import Any

from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.protocol.events import Best

Metrics = dict[str, float | None]


class EarlyStopper:
    """Remembers the best epoch and what schedules watch. Decides on the numbers that the loop itself computed."""

    def __init__(self, stopping: EarlyStopping) -> None:
        self.stopping = stopping
        self.best: Best | None = None
        self.bad_epochs = 0
        """Epochs since the best one."""
        self.watched: list[tuple[int, float]] = []
        """(step, value) of the metric that the schedule watches, for each epoch that ended under it."""

    def watch(self, name: str, step: int, metrics: Metrics) -> None:
        """Remember the value of a metric after the epoch that ended at `step`; `val_error` is 1 - accuracy."""
        accuracy = metrics.get("val_accuracy")
        value = metrics.get(name) if name != "val_error" else 1 - accuracy if accuracy is not None else None
        if value is not None:
            self.watched.append((step, value))

    def judge(self, epoch: int, step: int, metrics: Metrics, epochs_since_last: int) -> bool:
        """Whether this validated epoch is the best so far; counts the epochs without improvement where it is not."""
        value = metrics.get(self.stopping.monitor)
        if value is not None and self.stopping.improves(value, self.best.value if self.best is not None else None):
            self.best = Best(epoch=epoch, step=step, metric=self.stopping.monitor, value=value)
            self.bad_epochs = 0
            return True
        if self.best is not None:
            self.bad_epochs += epochs_since_last
        return False

    @property
    def out_of_patience(self) -> str:
        """Why the run should stop early, in words; empty while it should not."""
        if not self.stopping.enabled or self.best is None or self.bad_epochs < self.stopping.patience:
            return ""
        return (
            f"{self.best.metric} has not improved for {self.bad_epochs} epochs; "
            f"the best was {self.best.value:.4g} in epoch {self.best.epoch}"
        )

    def dump(self) -> dict[str, Any]:
        """All of it, for a checkpoint."""
        return {
            "stopping": self.stopping.model_dump(mode="json"),
            "best": self.best.model_dump(mode="json") if self.best is not None else None,
            "bad_epochs": self.bad_epochs,
            "watched": self.watched,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Put back what `dump` gave."""
        self.stopping = EarlyStopping.model_validate(state["stopping"])
        self.best = Best.model_validate(state["best"]) if state["best"] is not None else None
        self.bad_epochs = int(state["bad_epochs"])
        self.watched = [(int(step), float(value)) for step, value in state["watched"]]
