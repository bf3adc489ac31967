"""The events about single steps that are tried and taken back."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.protocol.event_base import Event
from tui_trainer.protocol.event_records import Number


class RateTrial(BaseModel):
    """The step of one batch at one learning rate.

    Attributes:
        rate: the learning rate.
        predicted: change of the loss that the gradient predicts: gradient . update.
        measured: change of the loss on the same batch, with the same dropout.
        update: norm of the update over the norm of the weights.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    rate: float
    predicted: Number = None
    measured: Number = None
    update: Number = None


class Pull(BaseModel):
    """One sample of the batch and how hard it pulls.

    Attributes:
        place: its place in the batch, from 0.
        index: its number in the training data; None for a stream.
        label: name of its class, or its target; empty where it has none that is short.
        norm: norm of the gradient of its loss alone, without dropout.
        loss: its loss.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    place: int
    index: int | None = None
    label: str = ""
    norm: Number = None
    loss: Number = None


class StepTried(Event):
    """The coming batch was tried at some rates, and every step taken back. Nothing of the training changed."""

    type: Literal["StepTried"] = "StepTried"
    samples: int
    """Samples of the batch."""
    loss: Number = None
    grad_norm: Number = None
    lr: float = 0.0
    """The learning rate in force."""
    rates: list[RateTrial] = []
    pulls: list[Pull] = []
    """The samples that pull hardest, the hardest first."""
    median_pull: Number = None
    """Median norm of the gradients of the samples that were measured."""
    measured: int = 0
    """Samples whose gradients were measured."""
    note: str = ""
    """Why something was not measured; empty where all was."""
