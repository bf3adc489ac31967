"""The learning rate that a training script sets itself."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tui_trainer.components.schedulers.base import Clock, Scheduler
from tui_trainer.components.schedulers.builtin import AnyScheduler


class ScriptSchedule(Scheduler):
    """The schedule of a training script, as far as it can be sampled.

    A run of the built-in loop cannot have it, so it is no kind of a preset.
    """

    kind: Literal["script"] = "script"

    def shape(self, base: float, clock: Clock) -> float:
        return clock.sampled.at(clock.step) if clock.sampled is not None else base


AnyPlanScheduler = Annotated[AnyScheduler | ScriptSchedule, Field(discriminator="kind")]
"""Every schedule that a run may have."""
