"""The lesson of a lecture preset: its texts, and the remarks shown during the run."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tui_trainer.components.base import Count
from tui_trainer.config.teaching.question import LessonQuestion

Moment = Literal["start", "end", "turned"]
LookAt = Literal["step", "epoch", "samples", "time", "evaluations"]
"""Units of the horizontal axis, as named on the screen."""

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Remark(BaseModel):
    """A few sentences shown at one moment of the run, with optional changes of the view."""

    model_config = _STRICT

    at: Moment | None = None
    """`start`: at the first step. `end`: when every run of the set has ended. `turned`: at once, and instead of all
    other remarks, if the problem is rotated against the coordinate axes."""
    epoch: Count | None = None
    """When the selected run has completed this many epochs."""
    step: Count | None = None
    """When the selected run has taken this many steps; with `at = "start"` or "turned", how many instead
    of the first one."""
    text: Annotated[str, Field(min_length=1, max_length=1000)]
    """Explains what to look at now, for a reader who is new to the topic."""
    run: str = ""
    """Name of the variant to select; empty leaves the selected run."""
    axis: LookAt | None = None
    """Unit to switch the horizontal axis to."""
    show: str = ""
    """Name of the chart or picture to maximise; "all" shows all charts again."""
    log_y: bool | None = None
    """Whether to switch the vertical axes to a logarithmic scale; false switches back."""

    x: tuple[float, float] | None = None
    """First and last step to show; a remark without it shows the full run again."""
    y: tuple[float, float] | None = None
    """Ends of the vertical axis of the chart that it shows, for a curve that one which explodes would flatten; a remark
    without it shows all of that chart again."""

    @model_validator(mode="after")
    def _a_range(self) -> Remark:
        if self.x is not None and not 0 <= self.x[0] < self.x[1]:
            raise ValueError("x needs two steps, the first smaller than the last and at least 0, as in x = [0, 20]")
        if self.y is not None and not (self.y[0] < self.y[1] and all(map(math.isfinite, self.y))):
            raise ValueError("y needs two numbers, the first smaller than the last, as in y = [0.1, 230.0]")
        if self.y is not None and self.show in ("", "all"):
            raise ValueError('y needs the chart that it is for, as in show = "loss"')
        return self

    @model_validator(mode="after")
    def _one_moment(self) -> Remark:
        delayed = self.at in ("start", "turned") and self.step is not None and self.epoch is None
        if not delayed and sum(value is not None for value in (self.at, self.epoch, self.step)) != 1:
            raise ValueError('a remark needs one moment: at = "start", "end" or "turned", epoch = N, or step = N')
        return self


class LessonLink(BaseModel):
    """A paper or a page to read on."""

    model_config = _STRICT

    title: Annotated[str, Field(min_length=1, max_length=160)]
    """Authors, title and year."""
    url: Annotated[str, Field(pattern=r"^https?://[!-~]+$", max_length=300)]
    """Its address, which begins with https:// or http://."""


def _tries(given: object) -> object:
    if not isinstance(given, (list, tuple)):
        return given
    key, *values = given or [None]
    if not isinstance(key, str) or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", key):
        raise ValueError('try begins with a key, as in try = ["optimizer.lr", 0.01, 0.1, 1]')
    if len(values) < 2 or not all(isinstance(value, (int, float, str)) for value in values):
        raise ValueError("try needs at least two values after its key: numbers or words")
    return tuple(given)


Tries = Annotated[tuple[str | float | int, ...], BeforeValidator(_tries)]
"""A key of the configuration, and then values of it."""


class Lesson(BaseModel):
    """The rows of the lecture that a preset demonstrates, and their texts."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,
    )

    rows: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")], ...], Field(min_length=1)
    ]
    """Names of rows of the course, such as S01. The first one decides the position in the lecture."""
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
    questions: tuple[LessonQuestion, ...] = ()
    """Predictions to make before the runs begin, each answered by what the runs measure."""
    tries: Annotated[Tries | None, Field(alias="try")] = None
    """A setting and values of it to try one after the other, as in `try = ["optimizer.lr", 0.01, 0.1, 1]`."""
    sliders: Literal["", "bowl"] = ""
    """An interactive picture beside the lesson: `bowl` has the rate and the momentum of gradient descent."""
    minutes: Annotated[int, Field(ge=0, le=240)] = 0
    """Minutes that the lesson takes, with its questions; 0 where that was not estimated."""
    before: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = ()
    """Prerequisites: row numbers, or a few words."""
    mistakes: tuple[Annotated[str, Field(min_length=1, max_length=300)], ...] = ()
    """Common mistakes, a sentence each."""
    links: tuple[LessonLink, ...] = ()
    """Papers and pages to read on."""

    @property
    def question(self) -> str:
        """The question of the lesson for a list; empty where it has none."""
        return self.questions[0].text if self.questions else ""
