"""The words of the grammar of guards, and the clock on which a metric is measured."""

from __future__ import annotations

from typing import Literal

Clock = Literal["steps", "epochs"]

FINDINGS = (
    "NAN", "DIVERGE", "EXPLODE", "NOGRAD", "DEAD", "VANISH", "STUCK", "LR_HIGH", "PLATEAU_NOISE", "ADAGRAD", "LR_LOW",
    "OVERFIT", "UNDERFIT", "PLATEAU", "STOPPED_TOO_SOON", "RANK_DATA", "RANK_SLOW",
)  # fmt: skip
"""The findings of the diagnosis; a test compares them with its titles."""

ALIASES = {"loss": "train_loss"}
"""Names that stand for a series."""
COUNTS: dict[str, Clock] = {"step": "steps", "epoch": "epochs"}
"""Names of the counts of steps and epochs, which a condition compares like a metric."""
UNITS: dict[str, Clock] = {"step": "steps", "steps": "steps", "epoch": "epochs", "epochs": "epochs"}

TREND_WORDS = ("rises", "falls")
COMPARISONS = (">=", "<=", ">", "<")
SUMMARIES = ("median", "mean", "lowest", "highest")
RESORTS = ("stop", "pause", "nothing")

OF_STEPS = ("train_loss", "lr", "grad_norm", "update_ratio", "step")
"""Series, and groups of series, that are measured after a step."""


def series_of(name: str) -> str:
    """Return the name of the series that a metric of a rule means."""
    return ALIASES.get(name, name)


def clock_of(name: str) -> Clock:
    """Return whether a metric is measured after steps or at the end of epochs, as far as its name tells."""
    name = series_of(name)
    if name in COUNTS:
        return COUNTS[name]
    if name in OF_STEPS or name.partition("/")[0] in OF_STEPS:
        return "steps"
    last = name.rpartition("/")[2]
    ends = last.startswith(("val_", "train_", "test_")) or "class/" in name
    return "epochs" if ends else "steps"
