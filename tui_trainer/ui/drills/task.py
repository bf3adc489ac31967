"""The task of a drill as a lesson, so that it stands below the charts like any other narration."""

from __future__ import annotations

from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.state.run_state import RunState

WATCH = (
    "This run is sick. Look at its charts, layers (w) and numbers, then press ! and name the cause: the keys steer "
    "only after that. The findings of the diagnosis are hidden; a hint, behind ! too, shows them and costs 10 points."
)
CURE = (
    "Cure it by the keys (o lists them), or, where no key can, start it again with one change (o, then N). Counted are "
    "the cause, the loss at the end, steps and interventions; q leaves and prints the score."
)


def task_of(state: RunState) -> Lesson | None:
    """Return the lesson that tells what to do next in a drill; None for a run that is none."""
    started = state.started
    if state.drill is None or started is None:
        return None
    summary = str(started.config.get("summary", "")) or "A sick run."
    text = CURE if state.drill.named else f"{summary} {WATCH}"
    return Lesson(rows=("drill",), shows=summary, remarks=(Remark(at="start", text=text),))
