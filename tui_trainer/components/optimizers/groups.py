"""Groups of parameters with learning rates of their own."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.components.base import NonNegative
from tui_trainer.text import exact

Pattern = Annotated[str, Field(pattern=r"^[\w.*?!\[\]-]{1,100}$")]
"""Names of parameters as in a shell: `*` is any text, `?` one character, `[ab]` one of several."""


class ParameterGroup(BaseModel):
    """Parameters with a multiple of the learning rate."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    match: Pattern
    """Pattern of parameter names (`head.*`)."""
    lr_factor: NonNegative = 1.0
    """Their learning rate, as a multiple of that of the schedule; 0 holds them where they are."""

    def __str__(self) -> str:
        return f"{self.match} x{exact(self.lr_factor)}"
