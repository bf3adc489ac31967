"""The task of a drill as a lesson, so that it stands below the charts like any other narration."""

from __future__ import annotations

from typing import Any

from tui_trainer.config.drill import drill_of
from tui_trainer.config.lesson import Lesson, Remark

WATCH = (
    "This run is sick. Look at its charts, layers (w) and numbers, then press ! and name the cause: the keys steer "
    "only after that. The findings of the diagnosis are hidden; a hint, behind ! too, shows them and costs 10 points."
)
CURE = (
    "Cure it by the keys (o lists them), or, where no key can, start it again with one change (o, then N). Counted are "
    "the cause, the loss at the end, steps and interventions; q leaves and prints the score."
)


def task_of(config: dict[str, Any]) -> Lesson | None:
    """Return the lesson that tells the task of a drill; None for a run that is none."""
    if drill_of(config) is None:
        return None
    summary = str(config.get("summary", "")) or "A sick run."
    return Lesson(
        rows=("drill",),
        shows=summary,
        remarks=(
            Remark(at="start", text=f"{summary} {WATCH}"),
            Remark(epoch=1, text=CURE),
            Remark(at="end", text=CURE),
        ),
    )
