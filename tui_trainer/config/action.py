"""An action of a preset: a command that the run applies by itself, at a moment or on a condition, with a remark."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tui_trainer.components.base import Whole
from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_conditions
from tui_trainer.text import visible

MAX_SAID = 500
"""Most characters of the line of text."""


def _command(given: object) -> object:
    if not isinstance(given, (str, dict)):
        raise ValueError('must be a command, as in command = "set-lr factor=0.1"')
    return given


def _one_line(given: object) -> object:
    return visible(" ".join(given.split())) if isinstance(given, str) else given


def _is_empty(value: object) -> bool:
    return not value


class PresetAction(BaseModel):
    """A command at one moment of the run, a line of text for the viewers, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    step: Whole | None = None
    """Optimizer steps taken before it; 0 acts before the first batch."""
    epoch: Whole | None = None
    """Epochs completed before it; 0 acts before the first batch."""
    when: Annotated[str, Field(exclude_if=_is_empty)] = ""
    """A condition as in the rule of a guard, such as `val_loss rises 3 epochs`: it acts once, when that holds first."""
    command: Annotated[Any, BeforeValidator(_command), Field(exclude_if=_is_empty)] = ""
    """A command as `tui-trainer send` takes it, for example `set-lr factor=0.1`; or the table of one, with its type."""
    say: Annotated[str, Field(max_length=MAX_SAID, exclude_if=_is_empty), BeforeValidator(_one_line)] = ""
    """A line of text, shown with the command and kept in the journal; without a command it is a note on the charts."""

    @field_validator("when")
    @classmethod
    def _condition(cls, when: str) -> str:
        try:
            return " and ".join(map(str, parse_conditions(when))) if when else ""
        except UserError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _complete(self) -> PresetAction:
        if [self.step is not None, self.epoch is not None, bool(self.when)].count(True) != 1:
            raise ValueError('an action needs one moment: step = N, epoch = N or when = "CONDITION"')
        if not self.command and not self.say:
            raise ValueError('an action needs command = "set-lr factor=0.1", say = "text", or both')
        return self
