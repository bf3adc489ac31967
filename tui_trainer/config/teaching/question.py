"""A question about what the runs of a lesson will do, answered by what they measure."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tui_trainer.components.base import Real
from tui_trainer.config.teaching.measured_expression import Lookup, references, value_of


class LessonQuestion(BaseModel):
    """A prediction to make before the runs begin: one of several choices, or a number.

    Three forms: `measure` alone asks for a number; `choices` with `measure` and `limits` asks for its range; `choices`
    with `measures` and `best` asks which of them is the lowest or the highest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    text: Annotated[str, Field(min_length=1, max_length=400)]
    """The question."""
    choices: tuple[Annotated[str, Field(min_length=1, max_length=80)], ...] = ()
    """The answers to choose from; without any, the answer is a number."""
    measure: str = ""
    """The answer, computed from the runs: an expression such as `high:train_loss@-1 / good:train_loss@-1`."""
    limits: tuple[Real, ...] = ()
    """Values at which one choice ends and the next begins, ascending: one fewer than choices."""
    measures: tuple[str, ...] = ()
    """One expression for each choice."""
    best: Literal["", "lowest", "highest"] = ""
    """Which of the measures is the right choice."""
    unit: Annotated[str, Field(max_length=12)] = ""
    """Written after the number, such as x or %."""
    within: Annotated[float, Field(gt=1)] = 1.5
    """Factor by which a number may differ from the measured one and still be right."""

    @model_validator(mode="after")
    def _one_form(self) -> LessonQuestion:
        for expression in (self.measure, *self.measures):
            if expression:
                references(expression)
        by_range = bool(self.measure) and len(self.choices) == len(self.limits) + 1 >= 2 and not self.measures
        by_rank = bool(self.best) and len(self.choices) == len(self.measures) >= 2 and not (self.measure or self.limits)
        by_number = bool(self.measure) and not (self.choices or self.limits or self.measures or self.best)
        if not (by_range or by_rank or by_number):
            raise ValueError(
                "a question needs measure, or choices with measure and one limit fewer, "
                "or choices with as many measures and best"
            )
        if list(self.limits) != sorted(set(self.limits)):
            raise ValueError("limits must ascend")
        return self

    def measured(self, lookup: Lookup) -> float:
        """Return what the runs measured: a number, or for `best` the position of the choice; NaN if they did not."""
        if not self.measures:
            return value_of(self.measure, lookup)
        values = [value_of(expression, lookup) for expression in self.measures]
        if any(math.isnan(value) for value in values):
            return math.nan
        return float(values.index(min(values) if self.best == "lowest" else max(values)))

    def right_choice(self, measured: float) -> int:
        """Return the position of the choice that a measured value makes the right one."""
        return int(measured) if self.measures else bisect_right(self.limits, measured)

    def is_right(self, said: float, measured: float) -> bool:
        """Return whether an answer, a number or the position of a choice, agrees with what was measured."""
        if math.isnan(measured):
            return False
        if self.choices:
            return int(said) == self.right_choice(measured)
        if said == measured:
            return True
        ratio = said / measured if measured else math.inf
        return 1 / self.within <= ratio <= self.within

    def answer_text(self, said: float, measured: float) -> str:
        """Return a sentence: what was said, and what it was."""
        given = self.choices[int(said)] if self.choices else f"{said:.3g}{self._unit}"
        if math.isnan(measured):
            return f"you said {given}; this run did not measure it"
        if not self.choices or int(said) != self.right_choice(measured):
            return f"you said {given}, it was {self.measured_text(measured)}"
        return f"you said {given}, and it was" + ("" if self.measures else f" ({self._number(measured)})")

    def measured_text(self, measured: float) -> str:
        """Return the right answer to what was measured: the choice, with its number; empty where nothing was."""
        if math.isnan(measured):
            return ""
        if not self.choices:
            return self._number(measured)
        choice = self.choices[self.right_choice(measured)]
        return choice if self.measures else f"{choice} ({self._number(measured)})"

    def _number(self, measured: float) -> str:
        return f"{measured:.3g}{self._unit}" if math.isfinite(measured) else "infinite"

    @property
    def _unit(self) -> str:
        return self.unit if self.unit in ("x", "%") or not self.unit else f" {self.unit}"
