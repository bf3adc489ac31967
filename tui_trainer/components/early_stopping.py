"""Early stopping: the component that ends a run before its last epoch."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.components.base import Count, NonNegative

Mode = Literal["auto", "min", "max"]

LARGER_IS_BETTER = re.compile(
    r"accuracy|acc|acc\d|top\d|r2|precision|recall|f1|auc|auroc|map|map50|iou|miou|dice|bleu|rouge|psnr|ssim"
    r"|reward|return|score"
)
"""Words of a metric's name that make a larger value the better one."""
LOSSES = frozenset(("loss", "error", "err", "rmse", "mse", "mae", "perplexity"))


def lower_is_better(metric: str, mode: Mode = "auto") -> bool:
    """Return True for metrics that are better when smaller (losses, errors), False for accuracy, R2, recall and others.

    The words of the name decide, in this project's names as in those that other tools log (`val_acc`, `eval/f1`).
    """
    if mode != "auto":
        return mode == "min"
    words = re.split(r"[^a-z0-9]+", metric.lower())
    return not LOSSES.isdisjoint(words) or not any(LARGER_IS_BETTER.fullmatch(word) for word in words)


def is_known(metric: str) -> bool:
    """Return whether a word of a metric's name tells which values are the better ones."""
    words = re.split(r"[^a-z0-9]+", metric.lower())
    return not LOSSES.isdisjoint(words) or any(LARGER_IS_BETTER.fullmatch(word) for word in words)


class EarlyStopping(BaseModel):
    """Stop when a validation metric has not improved for a while, and keep the best weights (Prechelt 1998).

    With `enabled` off the best checkpoint is kept all the same; the run just goes on to its last epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

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
