"""The events about what a loop can do, and about the controls that it declares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.protocol.commands import Actor
from tui_trainer.protocol.event_base import Event
from tui_trainer.protocol.knobs import Knob, KnobValue


class Capabilities(Event):
    """The commands that a run cannot carry out, and the controls that it declares. A run without it can do all."""

    type: Literal["Capabilities"] = "Capabilities"
    refused: dict[str, str] = {}
    """Why not, by the type of the command."""
    knobs: tuple[Knob, ...] = ()
    actions: tuple[str, ...] = ()
    built_in: Annotated[bool, Field(exclude_if=lambda built_in: not built_in)] = False
    """Whether the loop is the built-in one, not one of a script."""
    scales: Annotated[dict[str, float], Field(exclude_if=lambda scales: not scales)] = {}
    """The factor that was set by hand on the rate of each of several optimizers, by name."""
    steps_per_epoch: int | None = None
    """Steps in one epoch, where it was not known when the run started."""
    epochs: int | None = None
    """Planned number of epochs, where it was not known when the run started; 0 for a loop without an end."""
    clip: Annotated[float | None, Field(exclude_if=lambda clip: clip is None)] = None
    """The largest gradient norm in force when a script first said where it clips, 0 for none; None before."""
    script_clip: Annotated[float, Field(exclude_if=lambda clip: not clip)] = 0.0
    """The largest gradient norm that the script itself gives; 0 where it leaves that to commands."""


class KnobChanged(Event):
    """A control of the loop was set: `value` is what was read back, `detail` says when it is in force if not at once.

    `optimizer` is the one with the new setting, where the control is a setting of the built-in loop's optimizer.
    """

    type: Literal["KnobChanged"] = "KnobChanged"
    name: str
    value: KnobValue
    previous: KnobValue
    unit: str = ""
    detail: Annotated[str, Field(exclude_if=lambda detail: not detail)] = ""
    optimizer: Annotated[AnyOptimizer | None, Field(exclude_if=lambda optimizer: optimizer is None)] = None


class ActionRun(Event):
    """An action of the script was run, between two steps."""

    type: Literal["ActionRun"] = "ActionRun"
    name: str
    seconds: float = 0.0
    """The time that it took."""


WheelEnd = Literal["given", "gone", "over"]
"""Reasons for a free wheel: its holder gave it, the holder's screen is gone, or the holder's time is over."""


class WheelChanged(Event):
    """The wheel was taken, or is free again. While it is held, only its holder steers."""

    type: Literal["WheelChanged"] = "WheelChanged"
    holder: str = ""
    """Name of the sender that has it now; empty where it is free."""
    actor: Actor = ""
    """Kind of the holder."""
    previous: str = ""
    """The holder before, with its kind, in words; empty where it was free."""
    seconds: float | None = None
    """Seconds after which it is free again; None where the holder keeps it."""
    how: Literal["taken"] | WheelEnd = "taken"


class RateFound(Event):
    """The outcome of a search for a learning rate, or only its price. It changed nothing of the training."""

    type: Literal["RateFound"] = "RateFound"
    steps: int
    """Steps that were tried, or would be."""
    seconds: float
    """Time that they took, or would take."""
    bytes: int
    """Size of the copy of the run to which it goes back."""
    priced: bool = False
    """Whether this is only the price."""
    lr: float = 0.0
    """The learning rate in force."""
    rates: list[float] = []
    losses: list[float] = []
    """The loss after the step at each rate, on the next batch."""
    smoothed: list[float] = []
    proposed: float | None = None
    """The rate to take: the loss has made most of its fall there; None where there is no clear rate."""
    steepest: float | None = None
    """The rate at which the smoothed loss falls fastest; None where there is no clear rate."""
    tenth: float | None = None
    """A tenth of the rate at which the smoothed loss is lowest; None where there is no clear rate."""
    unclear: str = ""
    """Why there is no clear rate, or what is uncertain about the marks; empty for neither."""
    warning: str = ""
    """State that a trial in a script's loop does not restore, in words; empty where none is known."""
