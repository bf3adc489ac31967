"""The reason why a run ended, as text."""

from __future__ import annotations

from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible

REASONS = {
    "completed": "completed all epochs",
    "early-stopped": "stopped early: no improvement within the patience",
    "stopped": "stopped by the user",
    "interrupted": "interrupted",
    "not-finite": "stopped: the loss became NaN or inf",
    "failed": "failed",
    "refused": "could not start",
}


def end_reason(state: RunState) -> str:
    """Return the reason why the run ended, as text."""
    reason = REASONS.get(state.reason, visible(state.reason) or "ended")
    detail = visible(state.detail)
    if state.reason == "completed" and detail:
        return detail  # it names the number of epochs
    return detail if detail and detail.startswith(reason.split(":")[0]) else f"{reason}: {detail}" if detail else reason
