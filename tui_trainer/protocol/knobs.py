"""Knobs: the controls that a loop declares, with their bounds."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.text import number, visible

KnobValue = bool | int | float | str
MAX_KNOB_NAME = 80
"""Longest name of a knob or an action, in characters."""
MAX_TEXT = 200
"""Longest value of a knob with choices, in characters."""


class Knob(BaseModel):
    """One control of a loop, as viewers know it.

    Attributes:
        name: of the control.
        value: its present value.
        low, high: bounds of a number; None where there is none.
        scale: how a number is meant to be moved.
        choices: the values that are allowed; empty for numbers and switches.
        unit: of a number.
        step: the amount by which a key moves it; 0 where the scale decides.
        whole: whether a number has no fraction.
        refused: why it cannot be set now; empty where it can.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: str
    value: KnobValue
    low: float | None = None
    high: float | None = None
    scale: Literal["linear", "log"] = "linear"
    choices: tuple[str, ...] = ()
    unit: str = ""
    step: float = 0.0
    whole: bool = False
    refused: Annotated[str, Field(exclude_if=lambda reason: not reason)] = ""

    def problem(self, value: KnobValue) -> str:
        """Return why a value is not allowed, with what is; empty if it is allowed."""
        if self.choices:
            return "" if str(value) in self.choices else f"{self.shown(value)}: choose {', '.join(self.choices)}"
        if isinstance(self.value, bool):
            return "" if isinstance(value, bool) else f"{self.shown(value)}: give true or false"
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"{self.shown(value)}: give a number"
        if self.whole and value != int(value):
            return f"{number(value)}: give a whole number"
        if (self.low is not None and value < self.low) or (self.high is not None and value > self.high):
            return f"{number(value)}: must be {self.bounds()}"
        return ""

    def bounds(self) -> str:
        """Return the bounds in words; empty without any."""
        low = f"at least {number(self.low)}" if self.low is not None else ""
        high = f"at most {number(self.high)}" if self.high is not None else ""
        return " and ".join(part for part in (low, high) if part)

    def shown(self, value: KnobValue) -> str:
        """Return a value as text."""
        if isinstance(value, bool):
            return "on" if value else "off"
        text = visible(value[:MAX_TEXT]) if isinstance(value, str) else number(value)
        return f"{text} {self.unit}" if self.unit else text
