"""The services that command handlers, checkpoints, undo, epoch end and the end of a run take from any loop.

Two loops provide them: the built-in one (`TrainingServices`), and a user's own loop behind `tui_trainer.monitor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from torch import Tensor

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import Checkpoints
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.monitoring.recorder import Recorder
from tui_trainer.engine.train_state import Metrics, StateTree, TrainState
from tui_trainer.protocol.commands import AnyCommand, RunAction, SetKnob
from tui_trainer.protocol.knobs import KnobValue


class OptimizerControl(Protocol):
    """The optimizer of a loop, as far as the learning rate is concerned."""

    @property
    def description(self) -> AnyOptimizer | None:
        """The optimizer as a component; None for one that the loop made itself."""
        ...

    @property
    def scales(self) -> dict[str, float]:
        """The factor that was set by hand on the rate of each optimizer, by name; empty for a loop with one."""
        ...

    def rate_of(self, name: str) -> float:
        """Return the rate in force of one of several optimizers. Raises `UserError` where there is none of the name."""
        ...

    def scale(self, name: str, factor: float) -> float:
        """Multiply the rate of one of several optimizers, those of the others stay.

        Returns:
            the factor for the plan, which is that of the first optimizer: 1 unless `name` is that one.
        """
        ...

    def give_back_scales(self) -> None:
        """Set the factor of each optimizer to 1."""
        ...

    def ignored_rate(self, step: int) -> str:
        """Return why a learning rate set now has no effect; empty if it has one."""
        ...

    def set_lr(self, lr: float) -> None:
        """Set the learning rate of every parameter group, each in its ratio to the optimizer's own."""
        ...


class PermissionRules(Protocol):
    """The permissions of each kind of sender, as far as command handlers need them."""

    def refusal(self, state: TrainState, services: LoopServices, command: AnyCommand) -> str:
        """Return why a command is refused; empty if it is allowed."""
        ...

    def needs_copy(self, state: TrainState, command: AnyCommand) -> str:
        """Return why a change without a copy is refused; empty where there is a copy, or none is needed."""
        ...

    def applied(self, state: TrainState, command: AnyCommand) -> None:
        """Take in that a command was applied."""
        ...


class LoopTrials(Protocol):
    """Trials in a loop that takes its own steps."""

    def ask(self, state: TrainState, services: LoopServices, command: AnyCommand) -> None:
        """Take in a command for the coming batches. Raises `Refusal` or `UserError` where they cannot be tried."""
        ...


class LoopServices(Protocol):
    """Everything that handlers work with, besides the mutable state of the run.

    Attributes:
        commands: commands that wait to be applied.
        events: receives every event.
        early_stopper: tracks the best epoch and the metric that the schedule watches.
        recorder: buffers the measurements of steps.
        diagnosis: finds problems in the events.
        optimizer: takes the learning rate.
        checkpointer: writes checkpoints; None for a run without a directory.
        checkpoints: when the run is saved.
        steps_per_epoch: steps in one epoch.
        refused: commands that the loop cannot carry out, by type, each with the reason.
        ends_by_epochs: whether the run is over once its epochs are trained.
        rewinds: whether an undo goes back to the step before, or only restores weights and settings.
        snapshot_limit: bytes of the largest copy that an undo may keep; None for no limit of its own.
        knobs: the present values of the controls that the loop declares, by name.
        ends_when_broken: whether a number that is not finite ends the run.
        saves_at_end: whether the end of the run is saved.
        permissions: refuses what the kind of a sender may not do.
        trials: takes commands that try steps, in a loop that takes its own; None for the built-in one.
        validate: measures the validation split; returns None where a second stop request cut it short.
    """

    @property
    def commands(self) -> CommandQueue: ...
    @property
    def events(self) -> EventStream: ...
    @property
    def early_stopper(self) -> EarlyStopper: ...
    @property
    def recorder(self) -> Recorder: ...
    @property
    def diagnosis(self) -> DiagnosisMonitor: ...
    @property
    def optimizer(self) -> OptimizerControl: ...
    @property
    def checkpointer(self) -> Checkpointer | None: ...
    @property
    def checkpoints(self) -> Checkpoints: ...
    @property
    def steps_per_epoch(self) -> int: ...
    @property
    def refused(self) -> Mapping[str, str]: ...
    @property
    def ends_by_epochs(self) -> bool: ...
    @property
    def rewinds(self) -> bool: ...
    @property
    def snapshot_limit(self) -> int | None: ...
    @property
    def ends_when_broken(self) -> bool: ...
    @property
    def saves_at_end(self) -> bool: ...
    @property
    def knobs(self) -> Mapping[str, KnobValue]: ...
    @property
    def validate(self) -> Callable[[], Metrics | None]: ...
    @property
    def permissions(self) -> PermissionRules: ...
    @property
    def trials(self) -> LoopTrials | None: ...

    def set_knob(self, command: SetKnob, state: TrainState) -> None:
        """Set a control and publish its change. Raises `UserError` where that is not possible."""
        ...

    def run_action(self, command: RunAction, state: TrainState) -> None:
        """Run an action and publish that. Raises `UserError` where there is none, or it fails."""
        ...

    def check(self, command: AnyCommand) -> None:
        """Raise `UserError` if a setting cannot be combined with the others."""
        ...

    def sampled(self, plan: LrPlan) -> LrPlan:
        """Return the plan with the sampled curve of its scheduler, where it has one."""
        ...

    def first_broken(self) -> tuple[str, Tensor] | None:
        """Return the name and the tensor of the first that is no longer finite; None if all are."""
        ...

    def coming_batch(self, state: TrainState) -> tuple[int, tuple[int, ...]]:
        """Return the number of the batch of the coming step in its epoch, from 1, and the positions of its samples."""
        ...

    def cause(self) -> tuple[str, bool]:
        """Return the first layer that broke, and whether the data contain a number that is not finite."""
        ...

    def copied(self, tree: StateTree) -> StateTree:
        """Return a copy of a state."""
        ...

    def model_state_dict(self) -> StateTree:
        """Return the state of the model and its optimizer; the tensors are the live ones."""
        ...

    def load_model_state_dict(self, tree: StateTree) -> str:
        """Load what `model_state_dict` returned; settings in force stay. Returns in words what did not fit."""
        ...

    def progress_state_dict(self) -> dict[str, Any]:
        """Return what the loop adds to the progress of a run."""
        ...

    def parts_state_dict(self, step: int) -> StateTree:
        """Return the further state of the loop."""
        ...

    def load_parts_state_dict(self, tree: StateTree) -> None:
        """Load model, optimizer and everything that `progress_state_dict` and `parts_state_dict` returned."""
        ...

    def use_rng(self) -> None:
        """Draw from the generators as they were saved."""
        ...
