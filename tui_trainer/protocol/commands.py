"""Commands that a viewer or a script sends to a run. Each is answered by the event that it causes, or by `Refused`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from tui_trainer.components.base import Count, NonNegative, Positive, Real, Whole
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.script import AnyPlanScheduler
from tui_trainer.errors import UserError
from tui_trainer.protocol.knobs import MAX_KNOB_NAME, MAX_TEXT, KnobValue
from tui_trainer.protocol.wheel.command import ALL_RUNS as ALL_RUNS
from tui_trainer.protocol.wheel.command import MAX_REASON as MAX_REASON
from tui_trainer.protocol.wheel.command import Actor as Actor
from tui_trainer.protocol.wheel.command import Command as Command
from tui_trainer.protocol.wheel.command import GiveWheel as GiveWheel
from tui_trainer.protocol.wheel.command import Reason as Reason
from tui_trainer.protocol.wheel.command import TakeWheel as TakeWheel
from tui_trainer.protocol.wheel.command import one_line

MAX_CHOSEN = 24
"""Most samples that an answer shows, of the worst and of those chosen."""
MAX_TRIED = 100
"""Most steps that a search for a learning rate tries."""
MAX_RACED = 500
"""Most steps of a race with each of its settings."""
MAX_SETTINGS = 300
"""Most characters of one of the settings of a race."""
GUARD = "guard"
"""Sender of the commands of a guard that fires."""
LESSON = "lesson"
"""Sender of the pauses with which a lesson waits for its reader."""


class Pause(Command):
    """Pause after the current batch."""

    type: Literal["Pause"] = "Pause"


class Resume(Command):
    """Continue after a pause; with `until`, pause again after that step."""

    type: Literal["Resume"] = "Resume"
    until: Annotated[Count | None, Field(exclude_if=lambda until: until is None)] = None
    """The step after which to pause again. Without it, a pause that an earlier `until` planned is dropped."""


class StepOnce(Command):
    """Train `count` batches, then pause again."""

    names = ("step",)
    type: Literal["StepOnce"] = "StepOnce"
    count: Count = 1


class Stop(Command):
    """End the run: after the batch in hand or the epoch validate, save a checkpoint, finish; `now` skips validation.

    A second stop after the batch skips the rest of the validation.
    """

    type: Literal["Stop"] = "Stop"
    when: Literal["batch", "epoch", "now"] = "batch"
    save: Annotated[bool, Field(exclude_if=lambda save: save)] = True
    """False: save nothing more; the checkpoints on disk stay as they are."""
    restore_best: bool = False
    """Restore the weights of the best epoch before the last save."""
    reason: Literal["stopped", "interrupted"] = "stopped"
    """`interrupted` if a signal stopped the run."""


class SetLearningRate(Command):
    """Set or multiply the current learning rate. The schedule continues from there with the same shape; a value below
    its next peak is held until the schedule reaches it, and a factor multiplies the peaks too."""

    names = ("set-lr",)
    type: Literal["SetLearningRate"] = "SetLearningRate"
    value: Positive | None = None
    factor: Positive | None = None
    optimizer: Annotated[str, Field(max_length=MAX_KNOB_NAME, exclude_if=lambda name: not name)] = ""
    """The one of several optimizers of a script whose rate is set; empty for all of them."""

    @model_validator(mode="after")
    def _exactly_one(self) -> SetLearningRate:
        if (self.value is None) == (self.factor is None):
            raise ValueError("give either value=RATE or factor=NUMBER")
        return self


class SetScheduler(Command):
    """Replace the schedule between two batches. The new one starts now, at the current learning rate or at `base`."""

    type: Literal["SetScheduler"] = "SetScheduler"
    scheduler: AnyPlanScheduler
    base: Positive | None = None


class SetOptimizer(Command):
    """Change the optimizer between two batches. Settings that are not named stay, and so do averages of gradients."""

    type: Literal["SetOptimizer"] = "SetOptimizer"
    optimizer: AnyOptimizer
    named: Annotated[tuple[str, ...] | None, Field(exclude_if=lambda named: named is None)] = None
    """The settings of `optimizer` that change, besides its kind. The others stay as they are, and the state is carried
    over where it fits. None, as in commands of earlier versions: every setting is the given one, and the state starts
    empty."""


class SetClip(Command):
    """Clip the global gradient norm at `value`; 0 turns clipping off."""

    type: Literal["SetClip"] = "SetClip"
    value: NonNegative


class SetPatience(Command):
    """Change early stopping. Settings that are not given stay as they are."""

    type: Literal["SetPatience"] = "SetPatience"
    patience: Count | None = None
    min_delta: NonNegative | None = None
    enabled: bool | None = None


class SetEpochs(Command):
    """Make the run longer or shorter: `value` epochs in all, or `add` more (fewer if negative)."""

    type: Literal["SetEpochs"] = "SetEpochs"
    value: Count | None = None
    add: int | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> SetEpochs:
        if (self.value is None) == (self.add is None):
            raise ValueError("give either value=EPOCHS or add=NUMBER")
        return self


class Evaluate(Command):
    """Validate now. The result is shown, but does not affect early stopping or the best checkpoint."""

    names = ("validate",)
    type: Literal["Evaluate"] = "Evaluate"


class ShowAnswers(Command):
    """Show what the model answers now: on the worst validation samples, and on samples that are chosen or typed.

    It changes nothing of the training.
    """

    names = ("answers",)
    type: Literal["ShowAnswers"] = "ShowAnswers"
    samples: Annotated[tuple[Whole, ...], Field(max_length=MAX_CHOSEN)] = ()
    """Indices of validation samples, from 0."""
    row: Annotated[tuple[Real, ...], Field(max_length=200)] = ()
    """One row of a table, in the units of the data."""
    prompt: Annotated[str, Field(max_length=500)] = ""
    """Text that a language model continues."""
    worst: Annotated[int, Field(ge=0, le=MAX_CHOSEN)] = 6
    """Number of worst samples."""


class FindRate(Command):
    """Try learning rates from `low` to `high` on the coming batches and take the steps back; it changes nothing."""

    names = ("find-lr",)
    type: Literal["FindRate"] = "FindRate"
    steps: Annotated[int, Field(ge=10, le=MAX_TRIED)] = MAX_TRIED
    """Steps that are tried, each at a larger rate than the one before."""
    low: Positive = 1e-6
    high: Positive = 10.0
    price: bool = False
    """Say only what it would cost."""

    @model_validator(mode="after")
    def _ascending(self) -> FindRate:
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


class Race(Command):
    """Train `steps` steps with each of a few settings, from the state in hand and on the same batches, and go back.

    The run then waits for `TakeRace`, which takes one of the settings or none.
    """

    type: Literal["Race"] = "Race"
    settings: Annotated[tuple[Annotated[str, Field(max_length=MAX_SETTINGS)], ...], Field(min_length=2, max_length=4)]
    """Lines such as `lr=0.03 optimizer=adam clip=1`; `unchanged` for the settings in force."""
    steps: Annotated[int, Field(ge=1, le=MAX_RACED)] = 50
    price: bool = False
    """Say only what it would cost."""


class TakeRace(Command):
    """Go back to where the newest race began and continue with one of its settings, as if it had been chosen there."""

    type: Literal["TakeRace"] = "TakeRace"
    lane: Annotated[int, Field(ge=0, le=4)] = 0
    """Number of the settings, from 1; 0 takes none and goes on."""


class TryStep(Command):
    """Try the coming batch at a few learning rates and take the steps back: predicted and measured change of its loss.

    It also measures which samples of the batch pull hardest. It changes nothing.
    """

    type: Literal["TryStep"] = "TryStep"
    rates: Annotated[tuple[Positive, ...], Field(max_length=9)] = ()
    """Learning rates; without any, the one in force and a third, a tenth, three and ten times of it."""


class SaveCheckpoint(Command):
    """Save a checkpoint now, under `name` or a generated name."""

    names = ("save",)
    type: Literal["SaveCheckpoint"] = "SaveCheckpoint"
    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,63})?$")] = ""
    broken: bool = False
    """Save also weights that are NaN or infinite, to examine them."""


class RollBack(Command):
    """Restore weights and optimizer state from a checkpoint. The step count, the schedule and all settings continue."""

    type: Literal["RollBack"] = "RollBack"
    to: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "best"
    steps: Annotated[Count | None, Field(exclude_if=lambda steps: steps is None)] = None
    """Instead of `to`: the newest copy in memory that is at least so many steps old. A guard that rolls back, or that
    is set to, keeps the copies."""


class Undo(Command):
    """Undo the last intervention: the run continues from just before it, as if it had not been made."""

    type: Literal["Undo"] = "Undo"


class Redo(Command):
    """Take up again what the last undo left: the run continues from where it was then, as if it had not been undone."""

    type: Literal["Redo"] = "Redo"


class Note(Command):
    """Add a note to the charts and the journal."""

    type: Literal["Note"] = "Note"
    text: Annotated[str, Field(min_length=1, max_length=2000)]


Named = Annotated[str, Field(min_length=1, max_length=MAX_KNOB_NAME), BeforeValidator(one_line)]


class SetKnob(Command):
    """Set a control of the run, `name`, to `value`: a knob of the built-in trainer, or one that a script declares."""

    type: Literal["SetKnob"] = "SetKnob"
    name: Named
    value: KnobValue

    @field_validator("value")
    @classmethod
    def _short(cls, value: KnobValue) -> KnobValue:
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise ValueError(f"at most {MAX_TEXT} characters")
        return value


class RunAction(Command):
    """Run an action that the training script declares, between two steps."""

    type: Literal["RunAction"] = "RunAction"
    name: Named


class SkipStep(Command):
    """Do not take the step of the coming batch: its gradients are taken away, and the count of steps goes on."""

    type: Literal["SkipStep"] = "SkipStep"


GuardName = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,39})?$")]


class SetGuard(Command):
    """Arm a guard, `rule="when CONDITION: ACTION"`; or switch one that is there, `name=NAME on=false`."""

    type: Literal["SetGuard"] = "SetGuard"
    rule: Annotated[str, BeforeValidator(one_line)] = ""
    name: GuardName = ""
    """Name of the guard; a new one without it is called after its number."""
    on: bool = True

    @field_validator("rule")
    @classmethod
    def _valid(cls, rule: str) -> str:
        from tui_trainer.guards.grammar import parse_rule

        try:
            return str(parse_rule(rule)) if rule else ""
        except UserError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _rule_or_name(self) -> SetGuard:
        if not self.rule and not self.name:
            raise ValueError('give rule="when CONDITION: ACTION", or name=NAME of a guard that is there')
        return self


class RemoveGuard(Command):
    """Remove a guard by its name."""

    type: Literal["RemoveGuard"] = "RemoveGuard"
    name: GuardName


class ShowGuards(Command):
    """Say which guards there are, which of them are armed, and how often each has fired."""

    names = ("guards",)
    type: Literal["ShowGuards"] = "ShowGuards"


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
    | ShowAnswers
    | FindRate
    | Race
    | TakeRace
    | TryStep
    | SaveCheckpoint
    | RollBack
    | Undo
    | Redo
    | Note
    | SetKnob
    | RunAction
    | SkipStep
    | SetGuard
    | RemoveGuard
    | ShowGuards
    | TakeWheel
    | GiveWheel,
    Field(discriminator="type"),
]
"""Every command. To add one: a class above, its name here, and a handler in `engine/commands/handlers.py`."""

INTERVENTIONS = (
    SetLearningRate,
    SetScheduler,
    SetOptimizer,
    SetClip,
    SetPatience,
    SetEpochs,
    RollBack,
    SetKnob,
    SkipStep,
)
"""Commands that an undo takes back by returning to the step before them."""


def is_intervention(command: AnyCommand | None) -> bool:
    """Return whether an undo takes a command back. A new such command ends what a redo could take up again."""
    return isinstance(command, INTERVENTIONS) or (isinstance(command, Stop) and command.when == "epoch")


def sets_guards(command: AnyCommand) -> bool:
    """Return whether a command sets guards: a replay repeats what guards did, and needs none of its own."""
    return isinstance(command, (SetGuard, RemoveGuard, ShowGuards))


COMMANDS: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand, config=ConfigDict(defer_build=True))
