"""The services of a script's loop: the same recorder, handlers, plan and checkpointer as the built-in loop has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.components.early_stopping import EarlyStopping
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import Checkpoints
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.commands.controls import Controls
from tui_trainer.engine.commands.permissions import Permissions
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.loop_services import PermissionRules
from tui_trainer.engine.monitoring.finiteness import all_finite
from tui_trainer.engine.monitoring.recorder import Recorder
from tui_trainer.engine.train_state import Metrics, StateTree, TrainState
from tui_trainer.errors import UserError
from tui_trainer.monitor.parts.kept import generators, load_generators, load_state, loaded, on_cpu, savable, state_of
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers
from tui_trainer.monitor.parts.own_schedule import OwnCurve, OwnSchedule
from tui_trainer.monitor.parts.values import StepValues
from tui_trainer.monitor.trying.asked import ScriptTrials
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.knobs import KnobValue
from tui_trainer.protocol.wheel.given import given_allow

NO_OPTIMIZER = "no optimizer was handed to Monitor"
NO_MODEL = "no model was handed to Monitor"
NOT_HANDED_OUT = "the loop does not use monitor.batches, which could hand out the same batches again"
TRIALS = ("FindRate", "Race", "TakeRace", "TryStep")
"""Commands that let the loop try steps and take them back."""
NEVER = 1e15
"""Seconds between two saves where none was asked for."""
UNDO_LIMIT = 1 << 30
"""Bytes of the largest copy in memory for an undo, unless the script sets another limit."""


class ScriptServices:
    """The services that handlers, undo, saves and the end of an epoch take from a loop of the user's own.

    Args:
        state: the progress of the run.
        models, optimizers, schedule, controls, values: the parts of the script.
        stopping: the metric of the best epoch, and when to stop early.
        checkpoints: when the run is saved.
        undo_limit: bytes of the largest copy for an undo.
    """

    rewinds = False
    ends_when_broken = False

    def __init__(
        self,
        *,
        run_name: str,
        state: TrainState,
        models: Mapping[str, nn.Module],
        optimizers: ScriptOptimizers,
        schedule: OwnSchedule,
        controls: Controls,
        values: StepValues,
        commands: CommandQueue,
        events: EventStream,
        recorder: Recorder,
        stopping: EarlyStopping,
        checkpoints: Checkpoints,
        evaluate: Callable[[], Metrics] | None,
        undo_limit: int = UNDO_LIMIT,
    ) -> None:
        self.run_name = run_name
        self._state = state
        self.models = dict(models)
        self.optimizer = optimizers
        self.schedule = schedule
        self.controls = controls
        self.values = values
        self.commands = commands
        self.events = events
        self.recorder = recorder
        self.early_stopper = EarlyStopper(stopping)
        self.diagnosis = DiagnosisMonitor()
        self.checkpoints = checkpoints
        self.checkpointer: Checkpointer | None = None
        self.snapshot_limit = undo_limit
        self.permissions: PermissionRules = Permissions(given_allow())
        self.kept: dict[str, Any] = {}
        self.generator: torch.Generator | None = None
        """The generator of its own that this loader draws from."""
        self.loader: Any = None
        """The loader of this epoch, where it has a state of its own."""
        self.loader_began, self.batches_per_step = 0, 1
        """The step at which its first batch came, and the batches that went into each step of late."""
        self.trials = ScriptTrials()
        """The trial that the loop was asked for."""
        self.clipped_norm: Tensor | None = None
        """The norm of the gradients before they were clipped last."""
        self.evaluate_seconds = 0.0
        """Time that the script's function to evaluate took last."""
        self.curve = OwnCurve()
        self.steps_per_epoch = 1
        self.clips = self.counts_epochs = self.has_boundaries = self.hands_out = False
        """Whether the loop calls `clip`; uses `epochs`; calls one of `batches`, `steps` and `step`; `batches`."""
        self.first_clip: float | None = None
        """The largest gradient norm that was in force when the loop first called `clip`."""
        self.script_clip = 0.0
        """The largest gradient norm that the script gave there; 0 for none."""
        self.is_in_batch = False
        """Whether a command is applied before the step of a batch, and not between two batches."""
        self.is_sharded = False
        """Whether each of several processes has a part of the parameters, whose state is not kept."""
        self.further: dict[str, str] = {}
        """Further commands that cannot be carried out, or other reasons."""
        self._evaluate = evaluate
        self._loads_generators: Mapping[str, Any] | None = None

    @property
    def step(self) -> int:
        """The present step, for the curve of the script's rate."""
        return self._state.step

    @property
    def ends_by_epochs(self) -> bool:
        """Whether the run is over once its epochs are trained."""
        return self.counts_epochs

    @property
    def saves_at_end(self) -> bool:
        """Whether the end of the run is saved."""
        return self.checkpoints.every_seconds < NEVER

    # -- what the loop can do ---------------------------------------------------------------------------------------

    @property
    def refused(self) -> dict[str, str]:
        """Commands that the loop cannot carry out, by type, each with the reason."""
        reasons: dict[str, str] = {
            "SetOptimizer": "the script makes its own optimizer",
            "ShowAnswers": "the script knows its data; declare an action that logs what its model answers",
        }
        if not self.optimizer:
            kinds = ("SetLearningRate", "SetScheduler", "SetOptimizer", "SkipStep")
            reasons |= dict.fromkeys(kinds, NO_OPTIMIZER)
        elif not self.optimizer.hooked:
            reasons["SkipStep"] = "the optimizer has no hooks: its gradients cannot be taken away before a step"
        elif reason := self.optimizer.unskippable:
            reasons["SkipStep"] = reason
        if not (self.hands_out and self.models and self.optimizer):
            missing = NO_MODEL if not self.models else NO_OPTIMIZER if not self.optimizer else ""
            reasons |= dict.fromkeys(TRIALS, missing or NOT_HANDED_OUT)
        if not self.clips:
            reasons["SetClip"] = "the loop does not call monitor.clip(parameters)"
        if not self.counts_epochs:
            reasons["SetEpochs"] = "the loop does not use monitor.epochs"
        if self._evaluate is None:
            reasons["Evaluate"] = "no evaluate function was handed to Monitor"
        if not self.models:
            reasons |= dict.fromkeys(("RollBack", "SaveCheckpoint"), NO_MODEL)
        if not self.controls.has_knobs:
            reasons["SetKnob"] = "the script declares no knobs"
        if not self.controls.actions:
            reasons["RunAction"] = "the script declares no actions"
        if not self.has_boundaries:
            text = "the loop calls none of monitor.batches, monitor.steps and monitor.step"
            reasons |= dict.fromkeys(("Pause", "StepOnce", "Stop", "SetGuard"), text)
        return reasons | self.further

    def check(self, command: cmd.AnyCommand) -> None:
        """Raise `UserError` if a setting cannot be combined with the others."""
        if isinstance(command, cmd.SetScheduler) and command.scheduler.kind == "import":
            raise UserError("a script brings its own schedule: kind=script gives it back")

    def validate(self) -> Metrics | None:
        """Call the script's function to evaluate; generators and training modes are as before, afterwards."""
        if self._evaluate is None:
            return None
        modes = [(module, module.training) for model in self.models.values() for module in model.modules()]
        states, began = generators(), perf_counter()
        try:
            with torch.no_grad():
                return self._evaluate()
        except Exception as error:  # noqa: BLE001
            raise UserError(f"evaluate failed: {type(error).__name__}: {error}"[:300]) from None
        finally:
            self.evaluate_seconds = perf_counter() - began
            load_generators(states)
            for module, training in modes:
                module.training = training

    def coming_batch(self, state: TrainState) -> tuple[int, tuple[int, ...]]:
        """Return the number of the batch of the coming step in its epoch, from 1; its samples are not known."""
        if not state.position and (self.is_in_batch or not state.epoch):  # a loop that counts no batches
            return state.step + 1, ()
        return state.position if self.is_in_batch else state.position + 1, ()

    # -- the learning rate ------------------------------------------------------------------------------------------

    def sampled(self, plan: LrPlan) -> LrPlan:
        """Return the plan with the curve of the script's own rate, and begin or end setting the rates."""
        own = plan.scheduler.kind == "script"
        changed = plan.is_changed
        if own:
            self.note_rate()
            if plan.origin or plan.anchor_step:  # the curve counts steps from the beginning of the run
                plan = plan.model_copy(update={"origin": 0, "anchor_step": 0, "length": plan.end})
            plan = plan.with_curve(self.curve.sampled)
        changed = changed or any(scale != 1.0 for scale in self.optimizer.scales.values())
        self.optimizer.overlay(on=bool(self.optimizer) and (not own or changed))
        return plan

    def note_rate(self) -> bool:
        """Take in the script's own rate at this step. Returns True if it is not the one that was foreseen."""
        return self.curve.correct(self.step, self.optimizer.own_rate)

    # -- state ------------------------------------------------------------------------------------------------------

    def first_broken(self) -> tuple[str, Tensor] | None:
        """Return the name and the tensor of the first weight that is not finite; None if all are."""
        for name, model in self.models.items():
            tensors = {f"{name}.{key}" if name else key: value for key, value in model.named_parameters()}
            if not all_finite(list(tensors.values())):
                return next((key, value.detach()) for key, value in tensors.items() if not all_finite([value]))
        return None

    def cause(self) -> tuple[str, bool]:
        """Return the first layer that broke; nothing is known of the data."""
        found = self.first_broken()
        return (found[0].rpartition(".")[0] if found is not None else "", False)

    def copied(self, tree: StateTree) -> StateTree:
        """Return a copy of a state in the memory of the CPU."""
        return on_cpu(tree)

    def model_state_dict(self) -> StateTree:
        """Return the state of models, optimizers and what is kept; the tensors are the live ones."""
        return {
            "model": {name: model.state_dict() for name, model in self.models.items()},
            "optimizer": savable(self.optimizer.state_dict(), "optimizer") if not self.is_sharded else {},
            "kept": {name: savable(state_of(kept), f"keep {name!r}") for name, kept in self.kept.items()},
            "knobs": self.controls.values(),
        }

    def load_model_state_dict(self, tree: StateTree) -> str:
        """Load what `model_state_dict` returned; the settings in force stay. Returns in words what did not fit."""
        self._load_weights(tree, settings=False)
        missing = [name for name in self.kept if name not in tree["kept"]]
        return f"not in the save: {', '.join(missing)}" if missing else ""

    def _load_weights(self, tree: StateTree, *, settings: bool) -> None:
        for name, model in self.models.items():
            model.load_state_dict(tree["model"][name])
        if tree["optimizer"]:
            self.optimizer.load_state_dict(loaded(tree["optimizer"]), on_cpu, settings=settings)
        for name, kept in self.kept.items():
            if name in tree["kept"]:
                load_state(kept, loaded(tree["kept"][name]))

    def progress_state_dict(self) -> dict[str, Any]:
        """Return the columns that the script counts."""
        return {"columns": self.values.state_dict()}

    def parts_state_dict(self, step: int) -> StateTree:
        """Return the states of schedule, generators and loader."""
        del step
        loader = self.loader
        given_back = self.trials.loader_state()
        return {
            "schedule": savable(self.schedule.state_dict(), "scheduler"),
            "rates": self.optimizer.own_rates,
            **({"scales": scales} if (scales := self.optimizer.scales) else {}),
            "rng": savable(generators()),
            "generator": self.generator.get_state() if self.generator is not None else None,
            "loader": given_back or (savable(loader.state_dict(), "loader") if loader is not None else None),
        }

    def load_parts_state_dict(self, tree: StateTree) -> None:
        """Load models, optimizers, what is kept and the knobs."""
        self._load_weights(tree, settings=True)
        self.optimizer.load_scales(tree.get("scales", {}))
        for problem in self.controls.load(tree["knobs"]):
            self.events.log(problem, self.step)
        self._loads_generators = tree["rng"]

    def load_further(self, tree: StateTree) -> None:
        """Load what only a new process needs: schedule and columns."""
        self.schedule.load_state_dict(loaded(tree["schedule"]))
        self.optimizer.load_own_rates(tree["rates"])
        self.values.load_state_dict(tree["progress"].get("columns", {}))

    def use_rng(self) -> None:
        """Draw from the generators as they were saved."""
        if self._loads_generators is not None:
            load_generators(loaded(self._loads_generators))
            self._loads_generators = None

    # -- controls ---------------------------------------------------------------------------------------------------

    @property
    def knobs(self) -> dict[str, KnobValue]:
        """The present values of the knobs."""
        return self.controls.values()

    def set_knob(self, command: cmd.SetKnob, state: TrainState) -> None:
        """Set a knob and publish its change, as it was read back."""
        knob, previous = self.controls.set(command.name, command.value)
        self.events.publish(
            ev.KnobChanged(
                name=knob.name, value=knob.value, previous=previous, unit=knob.unit, step=state.step, cause=command
            )
        )

    def run_action(self, command: cmd.RunAction, state: TrainState) -> None:
        """Run an action and publish how long it took."""
        began = perf_counter()
        self.controls.run(command.name)
        seconds = round(perf_counter() - began, 3)
        self.events.publish(ev.ActionRun(name=command.name, seconds=seconds, step=state.step, cause=command))
