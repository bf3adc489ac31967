"""When a run ends before its last epoch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.components.base import Count, NonNegative

Mode = Literal["auto", "min", "max"]


def lower_is_better(metric: str, mode: Mode = "auto") -> bool:
    """Whether a smaller value of the metric is a better one: true of losses and errors, false of accuracy and R2."""
    if mode != "auto":
        return mode == "min"
    return not metric.endswith(("accuracy", "r2"))


class EarlyStopping(BaseModel):
    """Stop when a validation metric has not improved for a while, and keep the best weights (Prechelt 1998).

    With `enabled` off the best checkpoint is kept all the same; the run just goes on to its last epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    """Whether the run may stop early."""
    monitor: str = "val_loss"
    """The metric that decides which epoch is the best."""
    mode: Mode = "auto"
    """Whether smaller (min) or larger (max) values are better; auto knows losses, errors, accuracy and R2."""
    patience: Count = 10
    """Epochs without improvement after which the run stops."""
    min_delta: NonNegative = 0.0
    """The improvement that counts."""
    restore_best: bool = True
    """Put the best epoch's weights back when the run stops early."""

    def improves(self, value: float, best: float | None) -> bool:
        """Whether `value` is better than `best` by more than `min_delta`; a value that is not a number never is."""
        if value != value:
            return False
        if best is None:
            return True
        if lower_is_better(self.monitor, self.mode):
            return value < best - self.min_delta
        return value > best + self.min_delta
