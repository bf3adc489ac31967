"""The reason why a run ended, as text."""

from __future__ import annotations

from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible

REASONS = {
    "completed": "completed all epochs",
    "early-stopped": "stopped early",
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
    if detail and (state.reason == "completed" or detail.split(" ")[0] == reason.split(" ")[0]):
        return detail  # it names the number of epochs, or the user who stopped the run
    return f"{reason}: {detail}" if detail else reason
