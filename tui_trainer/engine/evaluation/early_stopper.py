"""Early stopping: the best epoch, and the epochs since."""

from __future__ import annotations

from typing import Any

from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.schedulers.plan import Watched
from tui_trainer.engine.train_state import Metrics
from tui_trainer.protocol.events import Best


class EarlyStopper:
    """Tracks the best epoch, decides whether to stop early, and keeps the metric that the schedule watches."""

    def __init__(self, stopping: EarlyStopping) -> None:
        self.stopping = stopping
        self.best: Best | None = None
        self.bad_epochs = 0
        """Epochs since the best one."""
        self.watched: list[Watched] = []
        """(step, value, epochs since the last) of the metric that the schedule watches, for each measured epoch."""
        self._measured_epoch: int | None = None
        """The epoch that the watched metric was last measured in."""

    def record_watched(self, name: str, epoch: int, step: int, metrics: Metrics) -> None:
        """Record the watched metric of an epoch that ended at `step`; `val_error` is 1 - accuracy."""
        measured = "val_accuracy" if name == "val_error" else name
        if measured not in metrics:
            return
        since = epoch - self._measured_epoch if self._measured_epoch is not None else 1
        self._measured_epoch = epoch
        accuracy = metrics.get("val_accuracy")
        value = metrics.get(name) if name != "val_error" else 1 - accuracy if accuracy is not None else None
        if value is not None:
            self.watched.append((step, value, since))

    def update(self, epoch: int, step: int, metrics: Metrics) -> bool:
        """Record a validated epoch. Returns True if it is the best so far; otherwise counts the epochs since that."""
        value = metrics.get(self.stopping.monitor)
        if value is not None and self.stopping.improves(value, self.best.value if self.best is not None else None):
            self.best = Best(epoch=epoch, step=step, metric=self.stopping.monitor, value=value)
            self.bad_epochs = 0
            return True
        if self.best is not None:
            self.bad_epochs = epoch - self.best.epoch
        return False

    @property
    def out_of_patience(self) -> str:
        """The reason to stop early, empty if there is none."""
        if not self.stopping.enabled or self.best is None or self.bad_epochs < self.stopping.patience:
            return ""
        return (
            f"{self.best.metric} has not improved for {self.bad_epochs} epochs; "
            f"the best was {self.best.value:.4g} in epoch {self.best.epoch}"
        )

    def state_dict(self) -> dict[str, Any]:
        """Return settings, best epoch and history."""
        return {
            "stopping": self.stopping.model_dump(mode="json"),
            "best": self.best.model_dump(mode="json") if self.best is not None else None,
            "bad_epochs": self.bad_epochs,
            "watched": self.watched,
            "measured_epoch": self._measured_epoch,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.stopping = EarlyStopping.model_validate(state["stopping"])
        self.best = Best.model_validate(state["best"]) if state["best"] is not None else None
        self.bad_epochs = int(state["bad_epochs"])
        self.watched = [
            (int(step), float(value), int(since[0]) if since else 1) for step, value, *since in state["watched"]
        ]
        measured = state.get("measured_epoch")
        self._measured_epoch = int(measured) if measured is not None else None
