"""Compare runs: their results, the configuration keys in which they differ, and their interventions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from tui_trainer.protocol.commands import Actor
from tui_trainer.protocol.describe import describe
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.runs.comparing.code_version import CodeVersion, recorded_code
from tui_trainer.runs.comparing.comparability import RunFacts, remarks
from tui_trainer.runs.comparing.flat_config import differing_keys, flat_config
from tui_trainer.runs.history import RunHistory, read_history
from tui_trainer.runs.run_dir import read_about

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
    actor: Actor = ""
    """The kind of the sender."""

    def to_json(self) -> dict[str, Any]:
        """Return the stable fields for `--json`."""
        return {
            "step": self.step,
            "what": self.what,
            "by": self.by,
            "actor": self.actor,
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
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The content of about.json."""

    @property
    def code(self) -> CodeVersion | None:
        """The version of the code, None where none was recorded."""
        return recorded_code(self.about)


def compare(infos: list[RunInfo]) -> list[ComparedRun]:
    """Read the runs to compare. Raises `OSError`."""
    return [
        ComparedRun(info, flat_config(path), interventions(path), read_about(path))
        for info in infos
        for path in [Path(info.path)]
    ]


def not_comparable(compared: list[ComparedRun]) -> list[str]:
    """Return the reasons why the losses of the runs cannot be compared; empty where they can be."""
    return remarks([RunFacts(one.info.name, one.config, one.about, tuple(one.info.metrics)) for one in compared])


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
            actor=command.actor,
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
