"""Compare runs: their results, the configuration keys in which they differ, and their interventions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from tui_trainer.protocol.describe import describe
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.comparing.flat_config import differing_keys, flat_config
from tui_trainer.runs.history import RunHistory, read_history

AROUND = 20
"""Steps over which the loss before and after an intervention is averaged."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """An intervention, and the mean training loss of the `AROUND` steps before and after it (None without steps)."""

    step: int
    what: str
    by: str
    before: float | None
    after: float | None
    because: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the stable fields for `--json`."""
        return {
            "step": self.step,
            "what": self.what,
            "by": self.by,
            "because": self.because,
            "loss_before": self.before,
            "loss_after": self.after,
            "steps_averaged": AROUND,
        }


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One run of a comparison."""

    info: RunInfo
    config: dict[str, Any]
    """The configuration by dotted key."""
    interventions: list[Intervention]


def compare(infos: list[RunInfo]) -> list[ComparedRun]:
    """Read the runs to compare. Raises `OSError`."""
    return [ComparedRun(info, flat_config(Path(info.path)), interventions(Path(info.path))) for info in infos]


def differing(compared: list[ComparedRun]) -> dict[str, list[Any]]:
    """Return the configuration keys in which runs differ, with the value of each run; None where it has no such key."""
    configs = [one.config for one in compared]
    return {key: [config.get(key) for config in configs] for key in differing_keys(configs)}


def interventions(path: Path) -> list[Intervention]:
    """Return the interventions of a run in order, with the loss before and after each."""
    history = read_history(path / "events.jsonl")
    return [
        Intervention(
            step=step,
            what=describe(event, reason=False) or type(command).__name__,
            by=command.by,
            because=command.because,
            before=_mean_loss(history, step - AROUND + 1, step),
            after=_mean_loss(history, step + 1, step + AROUND),
        )
        for (step, command), event in zip(history.interventions, history.events, strict=True)
    ]


def _mean_loss(history: RunHistory, first: int, last: int) -> float | None:
    losses = [history.rows[step].get("train_loss", math.nan) for step in range(first, last + 1) if step in history.rows]
    finite = [loss for loss in losses if math.isfinite(loss)]
    return fmean(finite) if finite else None
