"""The fields of a run's state, and what follows from them."""

from __future__ import annotations

from collections import deque
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.base import SampledCurve
from tui_trainer.components.schedulers.epoch_lengths import Lengths, epoch_at, step_of_epoch
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.teaching.drill import DrillProgress
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.guards.events import GuardState
from tui_trainer.protocol.knobs import KnobValue
from tui_trainer.state.branching.branches import AllSeries, Branch, Ghost, Mark, UndoneBranch
from tui_trainer.state.histogram_history import Histograms
from tui_trainer.state.pace import FORWARD_SHARE, SHARE_KNOWN, Pace
from tui_trainer.state.races.view import RaceView
from tui_trainer.state.series import Series

LOG_LINES = 500
"""Newest log lines that are kept."""
CLOCK = "seconds"
"""Name of the series with the seconds of training at each step."""
EVALUATIONS = "evaluations"
"""Name of the series with the number of gradient evaluations up to each step. Without it, each step is one."""
MEAN_TRAIN_LOSS = "mean_train_loss"
"""Name of the series with the mean training loss of each epoch; `train_loss` has that of each step."""


HAPPENED = frozenset(("event", "warning"))
"""Kinds of lines that tell what happened to the run; the others are printed, or repeat what the charts show."""
KEPT_LINES = 100
"""Newest lines of those kinds that printed lines do not push out of the log."""


class LogLine(BaseModel):
    """One line of the log. Its text contains no control characters."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    at: str
    text: str
    kind: str
    """event, epoch, save, output, trainer or warning."""


def add_line(log: deque[LogLine], line: LogLine) -> None:
    """Add a line. Of a full log the oldest goes, but printed lines go before the newest that tell what happened."""
    if len(log) == log.maxlen and log[0].kind in HAPPENED:
        others = [index for index, each in enumerate(log) if each.kind not in HAPPENED]
        if others and len(log) - len(others) <= KEPT_LINES:
            del log[others[0]]
    log.append(line)


class RunData(BaseModel):
    """Everything that a viewer shows of one run."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True, defer_build=True)

    run: str = ""
    given_name: str = Field(default="", exclude=True)
    """The name that a user gave the run, and that of its set: of the screen alone, in no journal or cache."""
    given_set: str = Field(default="", exclude=True)
    seq: int = 0
    status: str = "starting"
    detail: str = ""
    reason: str = ""
    exit_code: int = 0
    started_at: str = ""
    finished_at: str = ""
    started: ev.RunStarted | None = None
    """The last `RunStarted` event: model, data and settings."""
    epochs: int = 0
    """Planned number of epochs."""
    epoch: int = 0
    """Completed epochs."""
    step: int = 0
    """Optimizer steps taken."""
    seconds: float = 0.0
    """Seconds of training, without pauses."""
    pace: Pace = Field(default_factory=Pace)
    lr: float = 0.0
    clip_grad_norm: float = 0.0
    capabilities: ev.Capabilities | None = None
    """The commands that the run refuses, and the controls that it declares; None for a run that takes all commands."""
    rate_found: ev.RateFound | None = None
    """The newest search for a learning rate, or its price."""
    step_tried: ev.StepTried | None = None
    """The newest batch that was tried and taken back."""
    guards: tuple[GuardState, ...] = ()
    """Its guards, armed or not."""
    race: RaceView | None = None
    """The newest race, or its price."""
    knobs: dict[str, KnobValue] = {}
    """The present values of its controls, by name."""
    monitor: str = "val_loss"
    early_stopping: bool = False
    patience: int = 0
    min_delta: float = 0.0
    bad_epochs: int = 0
    best: ev.Best | None = None
    plan: LrPlan | None = None
    schedules: list[ev.SchedulePreview] = []
    """The sampled curves of imported schedulers; plans arrive without them."""
    optimizer: AnyOptimizer | None = None
    memory: int = 0
    device_memory: int = 0
    cpu: float = 0.0
    wheel: ev.WheelChanged | None = None
    """The event by which a sender took the wheel; None while it is free."""
    unsaved: str = ""
    """The file that cannot be written at present, and the reason; empty if everything is saved."""
    layers: dict[str, ev.Layer] = {}
    series: AllSeries = {}
    marks: list[Mark] = []
    checkpoints: dict[str, int] = {}
    """Epoch of each checkpoint on disk, by name."""
    saved_step: int | None = None
    """Step of the newest checkpoint `last`, from which the run is resumed; None before the first."""
    ghosts: list[Ghost] = []
    branches: list[Branch] = []
    """The newest branches that an undo, a redo or a roll-back left."""
    undone: list[UndoneBranch] = []
    """The branches that redos can take up again, the newest last."""
    interventions: list[str] = []
    """Ids of the commands that an undo takes back, the newest last."""
    findings: dict[str, ev.Diagnosed] = {}
    withheld: dict[str, ev.Diagnosed] = {}
    """The findings of a drill before its cause is named or a hint asked for."""
    drill: DrillProgress | None = None
    """The answer and the hints of a drill; None for other runs."""
    pictures: dict[str, ev.PictureTaken] = {}
    histories: AllSeries = {}
    """Height of each bar of the pictures over the steps, by picture/group/label."""
    histograms: Histograms = {}
    """Recorded histograms over the steps, by picture/group."""
    log: deque[LogLine] = Field(default_factory=lambda: deque(maxlen=LOG_LINES))

    def model_post_init(self, context: Any) -> None:
        if self.log.maxlen is None:
            self.log = deque(self.log, maxlen=LOG_LINES)
        self.attach_curve()

    @property
    def foreign(self) -> bool:
        """Whether the run was read from the log of another program, so that nothing of it can be continued."""
        return self.started is not None and not self.started.device

    @property
    def over(self) -> bool:
        """Whether the run has ended."""
        return self.status in ("finished", "failed")

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch, at least 1."""
        return max(self.started.steps_per_epoch, 1) if self.started else 1

    @property
    def script_clip(self) -> float:
        """The largest gradient norm that the script itself gives; 0 where it gives none."""
        return self.capabilities.script_clip if self.capabilities is not None else 0.0

    @property
    def lengths(self) -> Lengths:
        """The lengths of the epochs, where the batch size was changed; empty where all are alike."""
        return self.plan.lengths if self.plan is not None else ()

    def epoch_at(self, step: float) -> float:
        """Return the epochs that have passed at a step, the one under way as a fraction."""
        return epoch_at(self.lengths, step) if self.lengths else step / self.steps_per_epoch

    def step_of_epoch(self, epoch: int) -> int:
        """Return the steps that are taken when so many epochs have ended."""
        return int(step_of_epoch(self.lengths, epoch)) if self.lengths else epoch * self.steps_per_epoch

    @property
    def total_steps(self) -> int:
        """Planned number of steps."""
        return self.step_of_epoch(self.epochs)

    @property
    def metrics(self) -> dict[str, float]:
        """The last value of each metric."""
        return {
            name: series.last
            for name, series in self.series.items()
            if series.last is not None and name not in (CLOCK, MEAN_TRAIN_LOSS)
        }

    def column(self, name: str) -> Series:
        """Return the series of a metric; create an empty one if there is none."""
        if name not in self.series:
            self.series[name] = Series()
        return self.series[name]

    def steps_per_second(self) -> float:
        """Return the steps per second of the newest steps, without validation and pauses; 0 if it is not known yet."""
        return self.pace.steps_per_second(self.series.get(CLOCK))

    def seconds_left(self, *, roughly: bool = False) -> float | None:
        """Return the seconds of training to the last planned step and its validation, None if they are not known.

        Args:
            roughly: also early in the run, and before the first validation was measured.
        """
        pace, total = self.pace, self.total_steps
        throughput = pace.steps_per_second(self.series.get(CLOCK), at_least=total * SHARE_KNOWN / 2)
        if self.over or not throughput or not total:
            return None
        validates = self.started is not None and self.started.validation_samples > 0
        known = self.step >= total * SHARE_KNOWN and (pace.validated or not validates)
        if not known and not roughly:
            return None
        validation = self._validation_batches() * FORWARD_SHARE / throughput
        ends = pace.seconds_of_ends(self.epoch, self.epochs, validation)
        return max(total - self.step, 0) / throughput + ends

    def _validation_batches(self) -> float:
        started = self.started
        return started.validation_samples / started.batch_size if started is not None and started.batch_size else 0.0

    def attach_curve(self) -> None:
        """Give the plan the newest sampled curve of its scheduler."""
        plan = self.plan
        if plan is None or plan.sampled_curve is not None:
            return
        for preview in reversed(self.schedules):
            if preview.scheduler == plan.scheduler and preview.base == plan.base:
                self.plan = plan.with_curve(SampledCurve(preview.steps, preview.lr))
                return
