"""The services that a training run consists of, besides its loop and its mutable state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import Checkpoints, RunConfig
from tui_trainer.config.trust import check_optimizer, check_scheduler
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine import rng
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.commands.controls import Controls
from tui_trainer.engine.commands.permissions import Permissions
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper
from tui_trainer.engine.evaluation.metrics import EpochMetric
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.loop_services import LoopTrials, PermissionRules
from tui_trainer.engine.monitoring.finiteness import FiniteCheck
from tui_trainer.engine.monitoring.optimality import OptimalityMonitor
from tui_trainer.engine.monitoring.recorder import Recorder
from tui_trainer.engine.monitoring.step_probe import StepProber
from tui_trainer.engine.pictures.recorder import PictureRecorder
from tui_trainer.engine.ranks.checkpointer import RANKS, other_number
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.ranks.refusals import NOT_SHARDED
from tui_trainer.engine.ranks.sharding import as_parts
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.engine.steps.closure import check_closure_settings
from tui_trainer.engine.steps.optimizer_handle import OptimizerHandle
from tui_trainer.engine.train_state import Metrics, StateTree, TrainState
from tui_trainer.errors import UserError
from tui_trainer.optim.imported_scheduler import sampled_plan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.knobs import KnobValue

NO_ACTIONS = {"RunAction": "this run has no actions: only a training script with a Monitor declares them"}


class OwnKnobs(Protocol):
    """The knobs that the loop declares, and what a checkpoint holds of them."""

    controls: Controls

    @property
    def detail(self) -> str:
        """When a batch size that was set is in force, in words; empty without one to come."""
        ...

    def begin_epoch(self) -> None:
        """Take in what was set for the epoch that begins now."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what is set otherwise than in the configuration."""
        ...

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        ...


MOST_SAMPLES = 256
"""Most samples of a batch that are named."""


@dataclass(slots=True, kw_only=True)
class TrainingServices:
    """The services of the built-in loop: what every loop has (`LoopServices`), and the parts that it builds.

    Attributes:
        setup: model, data, loss and device.
        optimizer: the optimizer that takes the steps.
        commands: commands that wait to be applied.
        events: receives every event.
        early_stopper: tracks the best epoch and the metric that the schedule watches.
        recorder: buffers the measurements of steps.
        metric: the metric of the training batches of this epoch.
        step_prober: compares some steps with their linear prediction.
        optimality: measures the distance from a known minimum.
        pictures: takes the pictures of the run.
        diagnosis: finds problems in the events.
        validate: measures the validation split; returns None where a second stop request cut it short.
        test: measures the test split; returns None without one, too.
        color: the number of the run's hue.
        checkpointer: writes checkpoints; None for a run without a directory.
        ranks: the processes that train together; None for one.
        trials: None: the built-in loop tries steps itself.
        finite_check: finds weights that broke; made with the services, before the first step.
        permissions: refuses what the kind of a sender may not do.
        own_knobs: the controls of the loop; made right after the services, which they steer.
    """

    run_name: str
    title: str
    preset: str
    config: RunConfig
    setup: TrainingSetup
    optimizer: OptimizerHandle
    commands: CommandQueue
    events: EventStream
    early_stopper: EarlyStopper
    recorder: Recorder
    metric: EpochMetric
    step_prober: StepProber
    optimality: OptimalityMonitor
    pictures: PictureRecorder
    diagnosis: DiagnosisMonitor
    validate: Callable[[], Metrics | None]
    test: Callable[[], Metrics | None] = lambda: None
    color: int | None = None
    checkpointer: Checkpointer | None = None
    ranks: JoinedRanks | None = None
    trials: LoopTrials | None = None
    finite_check: FiniteCheck = field(init=False)
    own_knobs: OwnKnobs = field(init=False)
    permissions: PermissionRules = field(init=False)

    def __post_init__(self) -> None:
        self.permissions = Permissions(self.config.allow)
        agree = self.ranks.agree if self.ranks is not None and self.ranks.sharded else bool
        self.finite_check = FiniteCheck(self.setup.model, agree)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""
        return self.setup.batches.per_epoch

    @property
    def checkpoints(self) -> Checkpoints:
        """When the run is saved."""
        return self.config.checkpoints

    @property
    def refused(self) -> Mapping[str, str]:
        """Commands that the loop cannot carry out, each with the reason."""
        if self.ranks is None or not self.ranks.sharded:
            return NO_ACTIONS
        return NO_ACTIONS | NOT_SHARDED

    @property
    def ends_by_epochs(self) -> bool:
        """Whether the run is over once its epochs are trained."""
        return True

    @property
    def rewinds(self) -> bool:
        """Whether an undo goes back to the step before: the loop repeats its batches to the bit."""
        return True

    @property
    def snapshot_limit(self) -> int | None:
        """Bytes of the largest copy that an undo may keep: the limit is that of all of them together."""
        return None

    @property
    def knobs(self) -> Mapping[str, KnobValue]:
        """The present values of the controls that the loop declares."""
        return self.own_knobs.controls.values()

    @property
    def ends_when_broken(self) -> bool:
        """Whether a number that is not finite ends the run."""
        return True

    @property
    def saves_at_end(self) -> bool:
        """Whether the end of the run is saved."""
        return True

    def set_knob(self, command: cmd.SetKnob, state: TrainState) -> None:
        """Set a control and publish its change, as it was read back."""
        before = self.optimizer.description
        knob, previous = self.own_knobs.controls.set(command.name, command.value)
        optimizer = self.optimizer.description
        self.events.publish(
            ev.KnobChanged(
                name=knob.name,
                value=knob.value,
                previous=previous,
                unit=knob.unit,
                detail=self.own_knobs.detail if knob.name == "batch_size" else "",
                optimizer=optimizer if optimizer is not before else None,
                step=state.step,
                cause=command,
            )
        )

    def capabilities(self) -> ev.Capabilities:
        """Return what the loop can do, with the present values of its controls."""
        return ev.Capabilities(built_in=True, refused=dict(self.refused), knobs=self.own_knobs.controls.knobs)

    def run_action(self, command: cmd.RunAction, state: TrainState) -> None:
        """Refuse: the built-in loop declares no actions."""
        raise UserError(NO_ACTIONS[command.type])

    def check(self, command: cmd.AnyCommand) -> None:
        """Raise `UserError` if a setting cannot be combined with the others."""
        if isinstance(command, cmd.SetScheduler):
            if command.scheduler.kind == "script":
                raise UserError("only a training script has a schedule of its own: choose another kind")
            check_scheduler(command.scheduler, self.config)
        elif isinstance(command, cmd.SetClip):
            self.check_optimizer(self.optimizer.description, command.value)

    def check_optimizer(self, description: AnyOptimizer, clip: float) -> None:
        """Raise `UserError` if an optimizer cannot be combined with the other settings, or runs untrusted code."""
        training = self.config.training
        if self.ranks is not None:
            self.ranks.check_optimizer(description)
        check_closure_settings(description, clip, training.precision, training.accumulate)
        check_optimizer(description, self.config)

    def sampled(self, plan: LrPlan) -> LrPlan:
        """Return the plan with the sampled curve of its scheduler, where it has one."""
        if plan.scheduler.kind == "import":  # a checkpoint may come from elsewhere
            check_scheduler(plan.scheduler, self.config)
        return sampled_plan(plan)

    def first_broken(self) -> tuple[str, Tensor] | None:
        """Return the name and the tensor of the first that is no longer finite; None if all are."""
        return self.finite_check.first_broken(self.optimizer.torch_optimizer)

    def coming_batch(self, state: TrainState) -> tuple[int, tuple[int, ...]]:
        """Return the number of the coming batch in its epoch, from 1, and the positions of its samples."""
        batches = self.setup.batches
        order = batches.order(state.epoch) if hasattr(batches, "order") else None
        if order is None:
            return state.position + 1, ()
        first = state.position * batches.size
        return state.position + 1, tuple(order[first : first + min(batches.size, MOST_SAMPLES)].tolist())

    def cause(self) -> tuple[str, bool]:
        """Return the first layer that broke, and whether the data contain a number that is not finite."""
        return self.step_prober.cause()

    def copied(self, tree: StateTree) -> StateTree:
        """Return a copy of a state, its tensors on their devices."""
        return copied(tree)

    def model_state_dict(self) -> StateTree:
        """Return the state of the model and its optimizer; the tensors are the live ones."""
        scaler, average = self.setup.scaler, self.setup.average
        return {
            "model": self.setup.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "optimizer_choice": self.optimizer.description.model_dump(mode="json"),
            "scaler": scaler.state_dict() if scaler is not None else {},
            **({"average": average.state_dict()} if average is not None else {}),
        }

    def load_model_state_dict(self, tree: StateTree) -> str:
        """Load the model, and of the optimizer's state what fits; its settings in force stay. Returns what did not."""
        tree = self._own_parts(tree)
        self._load_model(tree)
        return self.optimizer.take_state(tree["optimizer_choice"], tree["optimizer"])

    def _own_parts(self, tree: StateTree) -> StateTree:
        """Return a state with the parts of this rank, where the run is sharded."""
        if self.ranks is None or not self.ranks.sharded:
            return tree
        return as_parts(self.setup.model, self.optimizer.parameters_of(tree["optimizer_choice"]), tree)

    def _load_model(self, tree: StateTree) -> None:
        self.setup.model.load_state_dict(tree["model"])
        if self.setup.scaler is not None and tree["scaler"]:
            self.setup.scaler.load_state_dict(tree["scaler"])
        if self.setup.average is not None:
            self.setup.average.load_state_dict(tree.get("average", {}))

    def progress_state_dict(self) -> dict[str, Any]:
        """Return what the loop adds to the progress of a run."""
        return {
            "metric": self.metric.state_dict(),
            "extra_evaluations": self.optimality.extra,
            **({"knobs": knobs} if (knobs := self.own_knobs.state_dict()) else {}),
        }

    def parts_state_dict(self, step: int) -> StateTree:
        """Return the further state of the loop: gradients that a probe compares, pictures, generators."""
        return {
            "gradients": self.step_prober.state_dict(step),
            "album": self.pictures.state_dict(),
            "rng": rng.state_dict(self.setup.device),
            **({"stream": stream} if (stream := self.setup.batches.state_dict(step)) else {}),
        }

    def load_parts_state_dict(self, tree: StateTree) -> None:
        """Load everything that the last three returned."""
        if self.ranks is not None:
            tree = self._own_parts(self.ranks.own_state(tree))
        elif RANKS in tree:
            self.events.log(other_number(tree[RANKS]["count"], 1), int(tree["step"]))
        progress = tree["progress"]
        self.optimizer.restore(tree["optimizer_choice"])
        self.metric.load_state_dict(progress["metric"])
        self.optimality.load_extra(int(progress.get("extra_evaluations", 0)))
        self._load_model(tree)
        self.optimizer.load_state_dict(tree["optimizer"])
        self.own_knobs.load_state_dict(progress.get("knobs", {}))
        self.setup.rng = tree["rng"]
        self.setup.batches.load_state_dict(tree.get("stream", {}))
        self.step_prober.load_state_dict(tree.get("gradients", []))
        self.pictures.load_state_dict(tree.get("album", {}))

    def use_rng(self) -> None:
        """Draw from the generators as they were saved."""
        rng.load_state_dict(self.setup.rng, self.setup.device)
