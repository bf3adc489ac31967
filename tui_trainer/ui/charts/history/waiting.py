"""The message of a chart whose values arrive with the end of an epoch, before the first one."""

from __future__ import annotations

from tui_trainer.protocol.describe import duration
from tui_trainer.state.run_state import RunState


def next_validation(state: RunState) -> str:
    """Say when the next epoch ends: "validates at the end of epoch 1, in 30 s"."""
    text = f"validates at the end of epoch {state.epoch + 1}"
    speed, rest = state.steps_per_second(), state.step_of_epoch(state.epoch + 1) - state.step
    if not speed or rest < 1:
        return text
    seconds = rest / speed
    return f"{text}, in {duration(seconds if seconds < 10 else round(seconds / 5) * 5)}"
