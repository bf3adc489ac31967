"""What a person or a script may ask of a run. Each is answered by the event it causes, or by `Refused`."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from tui_trainer.components.base import Count, NonNegative, Positive
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.builtin import AnyScheduler

ALL_RUNS = "*"


class Command(BaseModel):
    """A wish, stamped with who has it and which run it is for.

    `id` is the asker's own and comes back in the answer. `run` names a run of the host; `*` means each of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    names: ClassVar[tuple[str, ...]] = ()
    """Names on the command line beside the class name in kebab case."""

    type: str
    id: str = ""
    by: str = ""
    run: str = ALL_RUNS

    @classmethod
    def cli_names(cls) -> tuple[str, ...]:
        """What `tui-trainer send` accepts, the shortest name first."""
        return (*cls.names, re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower())


class Pause(Command):
    """Stop after the batch in hand and wait."""

    type: Literal["Pause"] = "Pause"


class Resume(Command):
    """Go on after a pause."""

    type: Literal["Resume"] = "Resume"


class StepOnce(Command):
    """Train this many batches while paused."""

    names = ("step",)
    type: Literal["StepOnce"] = "StepOnce"
    count: Count = 1


class Stop(Command):
    """End the run after the batch in hand or at the end of the epoch; validate, save, and finish. Nothing is lost."""

    type: Literal["Stop"] = "Stop"
    when: Literal["batch", "epoch"] = "batch"
    restore_best: bool = False
    """Put the best epoch's weights back before the last save."""
    reason: Literal["stopped", "interrupted"] = "stopped"
    """Interrupted is what a signal does."""


class SetLearningRate(Command):
    """Set the rate in force, or multiply it. The schedule goes on from there with the same shape."""

    names = ("set-lr",)
    type: Literal["SetLearningRate"] = "SetLearningRate"
    value: Positive | None = None
    factor: Positive | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SetLearningRate:
        if (self.value is None) == (self.factor is None):
            raise ValueError("give value=RATE or factor=NUMBER, one of the two")
        return self


class SetScheduler(Command):
    """Swap the schedule between two batches; it begins now, from the rate in force or from `base`."""

    type: Literal["SetScheduler"] = "SetScheduler"
    scheduler: AnyScheduler
    base: Positive | None = None


class SetOptimizer(Command):
    """Swap the optimizer between two batches; its state starts empty, its rate is its own `lr`."""

    type: Literal["SetOptimizer"] = "SetOptimizer"
    optimizer: AnyOptimizer


class SetClip(Command):
    """Clip the global gradient norm at `value`; 0 means no clipping."""

    type: Literal["SetClip"] = "SetClip"
    value: NonNegative


class SetPatience(Command):
    """Change when the run stops early. What is not given stays."""

    type: Literal["SetPatience"] = "SetPatience"
    patience: Count | None = None
    min_delta: NonNegative | None = None
    enabled: bool | None = None


class SetEpochs(Command):
    """Make the run longer or shorter: `value` epochs in all, or `add` more (fewer, where negative)."""

    type: Literal["SetEpochs"] = "SetEpochs"
    value: Count | None = None
    add: int | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> SetEpochs:
        if (self.value is None) == (self.add is None):
            raise ValueError("give value=EPOCHS or add=NUMBER, one of the two")
        return self


class Evaluate(Command):
    """Validate now. The result is drawn, but decides nothing."""

    names = ("validate",)
    type: Literal["Evaluate"] = "Evaluate"


class SaveCheckpoint(Command):
    """Save a checkpoint now, under a name of its own."""

    names = ("save",)
    type: Literal["SaveCheckpoint"] = "SaveCheckpoint"
    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")] = ""


class RollBack(Command):
    """Put back the weights and the optimizer state of a checkpoint; the clock of the run goes on."""

    type: Literal["RollBack"] = "RollBack"
    to: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "best"


class Undo(Command):
    """Take back the last intervention: the run goes on from just before it, as if it had never been made."""

    type: Literal["Undo"] = "Undo"


class Note(Command):
    """A remark, drawn on the charts and kept in the journal."""

    type: Literal["Note"] = "Note"
    text: Annotated[str, Field(min_length=1, max_length=2000)]


AnyCommand = Annotated[
    Pause
    | Resume
    | StepOnce
    | Stop
    | SetLearningRate
    | SetScheduler
    | SetOptimizer
    | SetClip
    | SetPatience
    | SetEpochs
    | Evaluate
    | SaveCheckpoint
    | RollBack
    | Undo
    | Note,
    Field(discriminator="type"),
]
"""Every command. A new one is a class above, its name here, and what the trainer does with it."""

COMMANDS: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand, config=ConfigDict(defer_build=True))
