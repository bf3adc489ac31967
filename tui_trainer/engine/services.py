"""The services that a training run consists of, besides its loop and its mutable state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tui_trainer.config.run_config import RunConfig
from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.evaluation.early_stopper import EarlyStopper
from tui_trainer.engine.evaluation.metrics import Metric
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.monitoring.finiteness import FiniteCheck
from tui_trainer.engine.monitoring.optimality import OptimalityMonitor
from tui_trainer.engine.monitoring.recorder import Recorder
from tui_trainer.engine.monitoring.step_probe import StepProber
from tui_trainer.engine.pictures.recorder import PictureRecorder
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.engine.steps.optimizer_handle import OptimizerHandle
from tui_trainer.engine.train_state import Metrics


@dataclass(slots=True, kw_only=True)
class TrainingServices:
    """Everything that command handlers, checkpoints, undo, epoch end and ending work with.

    These functions take the state and the services of a run and never its loop, so that a loop other than `Trainer` can
    use them: it provides its own optimizer handle, its own `validate` and the parts that it has.

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
        finite_check: finds weights that broke; made with the services, before the first step.
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
    metric: Metric
    step_prober: StepProber
    optimality: OptimalityMonitor
    pictures: PictureRecorder
    diagnosis: DiagnosisMonitor
    validate: Callable[[], Metrics | None]
    test: Callable[[], Metrics | None] = lambda: None
    color: int | None = None
    checkpointer: Checkpointer | None = None
    finite_check: FiniteCheck = field(init=False)

    def __post_init__(self) -> None:
        self.finite_check = FiniteCheck(self.setup.model)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch."""
        return self.setup.batches.per_epoch
