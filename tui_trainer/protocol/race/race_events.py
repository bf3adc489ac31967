"""The events about races."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.protocol.event_base import Event
from tui_trainer.protocol.event_records import Number


class RaceLane(BaseModel):
    """One of the settings that were raced.

    Attributes:
        settings: as they were typed.
        steps: steps that it took.
        loss: mean training loss of the last fifth of them.
        metrics: of the validation split after the last step.
        broke: why it ended early; empty where it did not.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    settings: str
    steps: int = 0
    loss: Number = None
    metrics: dict[str, Number] = {}
    broke: str = ""


class RaceAdvanced(Event):
    """A race went on: the losses of further steps of one of its settings, the first of them of the step `first`."""

    type: Literal["RaceAdvanced"] = "RaceAdvanced"
    race: str
    """Id of the command that began the race."""
    lane: int
    """Number of the settings, from 1."""
    settings: str
    first: int
    losses: list[float] = []


class Raced(Event):
    """The outcome of a race, or only its price. Nothing of the training changed."""

    type: Literal["Raced"] = "Raced"
    steps: int
    """Steps of each of the settings."""
    seconds: float
    bytes: int
    """Size of the copies of the run."""
    priced: bool = False
    """Whether this is only the price."""
    lanes: list[RaceLane] = []
    best: int = 0
    """Number of the settings with the lowest validation loss, or training loss where there is none; 0 for none."""
    interrupted: bool = False
    """Whether it was cancelled, so that none of its settings can be taken."""
    warning: str = ""
    """State that a race in a script's loop does not restore, in words; empty where none is known."""


class RaceDecided(Event):
    """None of the settings of a race was taken: the run goes on as it is. One that was taken is a `RolledBack`."""

    type: Literal["RaceDecided"] = "RaceDecided"
