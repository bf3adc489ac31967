"""What a preset of the lecture says beside its charts, and when."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tui_trainer.components.base import Count

Moment = Literal["start", "end", "turned"]
LookAt = Literal["step", "epoch", "samples", "time", "evaluations"]
"""The horizontal axes, as the screen names them."""

GROUPS = (
    "design choices",
    "algorithms",
    "learning rates",
    "adaptive methods",
    "diagnosis",
    "initialisation",
    "stopping",
)
"""The parts of the lecture in their order: the groups of its presets."""

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Remark(BaseModel):
    """A few sentences that appear when something is to be seen, and what the screen turns to at that moment."""

    model_config = _STRICT

    at: Moment | None = None
    """`start`: with the first step; `end`: when every run of the set is over; `turned`: of a problem that does not lie
    along the coordinates, at once, and in place of all other remarks."""
    epoch: Count | None = None
    """When the run in front has ended this many epochs."""
    step: Count | None = None
    """When the run in front has taken this many steps."""
    text: Annotated[str, Field(min_length=1, max_length=1000)]
    """What to look at now, for a person who hears of it for the first time."""
    axis: LookAt | None = None
    """Turn the horizontal axis to this."""
    show: str = ""
    """Show this chart or picture in full, by its name; "all" goes back to all charts."""
    log_y: bool | None = None
    """Turn the vertical axes logarithmic, or back."""

    @model_validator(mode="after")
    def _one_moment(self) -> Remark:
        if sum(value is not None for value in (self.at, self.epoch, self.step)) != 1:
            raise ValueError('a remark has one moment: at = "start", "end" or "turned", epoch = N, or step = N')
        return self


class Lesson(BaseModel):
    """The rows of the lecture that a preset shows."""

    model_config = _STRICT

    rows: Annotated[tuple[Annotated[str, Field(pattern=r"^S\d\d$")], ...], Field(min_length=1)]
    """Numbers of the rows, S01 to S49; the first one is its place in the lecture."""
    shows: Annotated[str, Field(min_length=1)]
    """One sentence: what a person sees here."""
    says: str = ""
    """What the lecture says."""
    truth: str = ""
    """What is true, and by how much, where the lecture is loose or wrong."""
    formula: str = ""
    """The formula in the form in which it is computed here, with its source where textbooks differ."""
    remarks: tuple[Remark, ...] = ()
    """In the order in which they are told."""
