"""The runs of a directory in a few numbers: what fits into the answer of a tool."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui_trainer.config.permissions.allow import Allow
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import runs_dir as directory_of
from tui_trainer.protocol.describe import sender_text
from tui_trainer.runs.catalog import RunInfo, find_run, list_runs
from tui_trainer.runs.journal import Follower
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series

MAX_RUNS = 20
"""Most runs of a list; the newest are kept."""
MAX_POINTS = 200
"""Most points of a curve."""
MAX_NUMBERS = 3000
"""Most numbers of all curves of one answer."""
MAX_MARKS = 20
"""Most interventions of a run, the newest."""
USUAL = ("train_loss", "val_loss", "lr", "grad_norm")
"""The curves that are read where none is named."""


class RunReader:
    """Reads runs of a directory. What was read of a journal is kept, so that the next question reads only what is new.

    Args:
        runs_dir: the runs directory; None for the usual one.
    """

    def __init__(self, runs_dir: str | None) -> None:
        self.directory = directory_of(runs_dir)
        self._lock = threading.Lock()
        self._read: dict[str, tuple[Follower, RunState]] = {}

    def find(self, run: str) -> RunInfo:
        """Return the run of a name. Raises `UserError` where there is none."""
        return find_run(run, self.directory)

    def found(self, runs: Sequence[str]) -> list[RunInfo]:
        """Return the runs of some names. Raises `UserError` where there are none to compare."""
        if not runs:
            raise UserError("no runs to compare: name one or more")
        return [self.find(run) for run in runs]

    def runs(self) -> dict[str, Any]:
        """Return the newest runs, live ones first, and how many there are."""
        infos = list_runs(self.directory)
        return {
            "runs_dir": str(self.directory),
            "count": len(infos),
            "runs": [_brief(info) for info in infos[:MAX_RUNS]],
        }

    def state(self, run: str) -> RunState:
        """Return the state of a run, with all that its journal holds now. Raises `UserError`."""
        journal = _journal_of(self.find(run))
        with self._lock:
            follower, state = self._read.get(journal) or (Follower(Path(journal)), RunState(run=run))
            try:
                while events := follower.read():
                    state.apply(*events)
                if follower.cut:  # resumed from a checkpoint: the journal was cut back
                    follower, state = Follower(Path(journal)), RunState(run=run)
                    while events := follower.read():
                        state.apply(*events)
            except OSError as error:
                raise UserError(f"{journal}: {error.strerror}") from None
            self._read[journal] = follower, state
            return state

    def run(self, run: str) -> dict[str, Any]:
        """Return what a run is, where it stands, what was done to it, and what an agent may do."""
        info, state = self.find(run), self.state(run)
        started, best = state.started, state.best
        return {
            **_brief(info),
            "damaged_lines": self._read[_journal_of(info)][0].skipped,
            "model": started.model if started is not None else "",
            "data": started.data if started is not None else "",
            "steps_per_epoch": state.steps_per_epoch,
            "steps_planned": state.total_steps,
            "seconds_of_training": round(state.seconds, 2),
            "settings": {
                "lr": state.lr,
                "schedule": state.plan.scheduler.label() if state.plan is not None else "",
                "optimizer": state.optimizer.label() if state.optimizer is not None else "",
                "clip": state.clip_grad_norm,
                "early_stopping": state.early_stopping,
                "patience": state.patience,
                "epochs": state.epochs,
                "knobs": state.knobs,
            },
            "best_epoch": best.model_dump(mode="json") if best is not None else None,
            "epochs_since_best": state.bad_epochs,
            "findings": [finding.title or finding.finding for finding in state.findings.values() if finding.active],
            "curves": sorted(name for name in state.series if "/" not in name),
            "interventions": [
                {"step": mark.step, "what": mark.text, "by": mark.by, "because": mark.because}
                for mark in state.marks[-MAX_MARKS:]
            ],
            "wheel": sender_text(state.wheel.holder, state.wheel.actor) if state.wheel is not None else "free",
            "agents_may": _permissions(state),
        }

    def curves(self, run: str, names: Sequence[str], points: int, first: int, last: int | None) -> dict[str, Any]:
        """Return curves as rows of step, mean, lowest and highest value; long ones in buckets of steps.

        Raises:
            UserError: there is no such curve.
        """
        state = self.state(run)
        chosen = list(names) or [name for name in USUAL if name in state.series]
        for name in chosen:
            if name not in state.series:
                raise UserError(f"no curve {name!r} in this run; {did_you_mean(name, sorted(state.series))}")
        share = MAX_NUMBERS // (4 * max(len(chosen), 1))
        count = max(min(points, MAX_POINTS, share), 2)
        end = state.step if last is None else last
        return {
            "run": run,
            "step": state.step,
            "columns": ["step", "mean", "low", "high"],
            "curves": {name: reduced(state.series[name], first, end, count) for name in chosen},
        }


def reduced(series: Series, first: int, last: int, points: int) -> list[list[float | None]]:
    """Return a curve between two steps in at most `points` rows: last step of a bucket, mean, lowest, highest."""
    width = max(last - first + 1, 1) / points
    edges = [first + width * index for index in range(points + 1)]
    columns = series.columns(edges)
    return [
        [column.last, _short(column.mean), _short(column.low), _short(column.high)]
        for column in columns
        if column is not None
    ]


def _short(value: float) -> float | None:
    """Return a number with six digits; None where it is not finite, which JSON cannot hold."""
    return float(f"{value:.6g}") if abs(value) < float("inf") else None


def _brief(info: RunInfo) -> dict[str, Any]:
    fields = info.to_json()
    return {name: fields[name] for name in ("name", "status", "reason", "preset", "epoch", "step", "metrics", "best")}


def _journal_of(info: RunInfo) -> str:
    return str(Path(info.path) / "events.jsonl")


def _permissions(state: RunState) -> dict[str, Any]:
    config = state.started.config if state.started is not None else {}
    agents = Allow.model_validate(config.get("allow", {})).agent
    return {name: getattr(agents, name) for name in type(agents).model_fields}
