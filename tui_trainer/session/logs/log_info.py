"""The facts about a log that lists of runs show."""

from __future__ import annotations

from tui_trainer.readers.find_logs import Log
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.state.run_state import RunState


def info_of(log: Log, state: RunState) -> RunInfo:
    """Return the facts about one run of a log that has been read."""
    best = state.best
    return RunInfo(
        name=state.run,
        path=str(log.files[0]),
        status="finished" if state.over else "running",
        reason=state.detail if state.over else "",
        epoch=state.epoch,
        step=state.step,
        metrics=dict(state.metrics),
        best={"epoch": best.epoch, "metric": best.metric, "value": best.value} if best is not None else None,
        started=state.started_at,
        seconds=state.seconds,
    )
