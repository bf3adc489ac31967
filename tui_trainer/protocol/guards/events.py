"""The events about guards, and about the steps that they skip."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.protocol.event_base import Event


class GuardState(BaseModel):
    """A guard of a run.

    Attributes:
        name: its name.
        rule: its line.
        on: whether it is armed.
        why_off: why it is not, in words.
        fired: how often it has fired.
        left: how often it may still fire; None without a limit.
        last: step of its last firing; None before the first.
        bytes: size of the copies of the run that it keeps, to go back to.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    name: str
    rule: str
    on: bool = True
    why_off: str = ""
    fired: int = 0
    left: int | None = None
    last: int | None = None
    bytes: int = 0


class GuardsChanged(Event):
    """The guards of a run, after one was set, removed, switched or has fired."""

    type: Literal["GuardsChanged"] = "GuardsChanged"
    guards: tuple[GuardState, ...] = ()
    fired: str = ""
    """Name of the guard that has fired; the commands that it gave follow."""
    evidence: str = ""
    """The numbers that made it fire, in words."""
    disarmed: str = ""
    """Name of the guard that was switched off because its firing was undone."""


class StepSkipped(Event):
    """The step of the coming batch is not taken: its gradients are taken away."""

    type: Literal["StepSkipped"] = "StepSkipped"
    epoch: int
    """Epoch of the batch, from 1."""
    batch: int
    """Number of the batch in its epoch, from 1."""
    samples: tuple[int, ...] = ()
    """Positions of its samples in the training data; empty where they are not known."""
