"""The lesson of a lecture preset: its texts, and the remarks shown during the run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tui_trainer.components.base import Count

Moment = Literal["start", "end", "turned"]
LookAt = Literal["step", "epoch", "samples", "time", "evaluations"]
"""Units of the horizontal axis, as named on the screen."""

GROUPS = (
    "design choices",
    "algorithms",
    "learning rates",
    "adaptive methods",
    "diagnosis",
    "initialisation",
    "stopping",
)
"""Parts of the lecture in order. Each lecture preset has one of them as its `group`."""

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Remark(BaseModel):
    """A few sentences shown at one moment of the run, with optional changes of the view."""

    model_config = _STRICT

    at: Moment | None = None
    """`start`: at the first step. `end`: when every run of the set has ended. `turned`: at once, and instead of all
    other remarks, if the problem is rotated against the coordinate axes."""
    epoch: Count | None = None
    """When the selected run has completed this many epochs."""
    step: Count | None = None
    """When the selected run has taken this many steps."""
    text: Annotated[str, Field(min_length=1, max_length=1000)]
    """Explains what to look at now, for a reader who is new to the topic."""
    axis: LookAt | None = None
    """Unit to switch the horizontal axis to."""
    show: str = ""
    """Name of the chart or picture to maximise; "all" shows all charts again."""
    log_y: bool | None = None
    """Whether to switch the vertical axes to a logarithmic scale; false switches back."""

    x: tuple[float, float] | None = None
    """First and last step to show; a remark that turns the axis without it shows the full run again."""

    @model_validator(mode="after")
    def _a_range(self) -> Remark:
        if self.x is not None and not 0 <= self.x[0] < self.x[1]:
            raise ValueError("x needs two steps, the first smaller than the last and at least 0, as in x = [0, 20]")
        return self

    @model_validator(mode="after")
    def _one_moment(self) -> Remark:
        if sum(value is not None for value in (self.at, self.epoch, self.step)) != 1:
            raise ValueError('a remark needs one moment: at = "start", "end" or "turned", epoch = N, or step = N')
        return self


class Lesson(BaseModel):
    """The rows of the lecture that a preset demonstrates, and their texts."""

    model_config = _STRICT

    rows: Annotated[tuple[Annotated[str, Field(pattern=r"^[SX]\d\d$")], ...], Field(min_length=1)]
    """Row numbers, S01 to S49 or X01 to X08. The first one decides the position in the lecture."""
    shows: Annotated[str, Field(min_length=1)]
    """One sentence: what the user sees in this lesson."""
    says: str = ""
    """Statement of the lecture."""
    truth: str = ""
    """Correction with numbers, if the lecture is imprecise or wrong."""
    formula: str = ""
    """The formula as computed here, with its source if textbooks differ."""
    remarks: tuple[Remark, ...] = ()
    """Remarks in the order in which they are shown."""
