"""Early stopping: the component that ends a run before its last epoch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.components.base import Count, NonNegative

Mode = Literal["auto", "min", "max"]


def lower_is_better(metric: str, mode: Mode = "auto") -> bool:
    """Return True for metrics that are better when smaller (losses, errors), False for accuracy, R2 and recall."""
    if mode != "auto":
        return mode == "min"
    return not metric.endswith(("accuracy", "r2", "precision", "recall"))


class EarlyStopping(BaseModel):
    """Stop when a validation metric has not improved for a while, and keep the best weights (Prechelt 1998).

    With `enabled` off the best checkpoint is kept all the same; the run just goes on to its last epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """Stop the run early."""
    monitor: str = "val_loss"
    """Metric that determines the best epoch."""
    mode: Mode = "auto"
    """Whether smaller (min) or larger (max) values are better; auto decides for losses, errors, accuracy and R2."""
    patience: Count = 10
    """Number of epochs without improvement after which the run stops."""
    min_delta: NonNegative = 0.0
    """Smallest change of the metric that counts as an improvement."""
    restore_best: bool = True
    """Restore the weights of the best epoch when the run stops early."""

    def improves(self, value: float, best: float | None) -> bool:
        """Return whether `value` is better than `best` by more than `min_delta`; NaN never is."""
        if value != value:
            return False
        if best is None:
            return True
        if lower_is_better(self.monitor, self.mode):
            return value < best - self.min_delta
        return value > best + self.min_delta
