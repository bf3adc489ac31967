"""All that a trainer needs of the other processes that train with it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.batches import seeded
from tui_trainer.engine.checkpointing.checkpointer import Checkpointer
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.evaluation.metrics import EpochMetric
from tui_trainer.engine.fast_path.selection import FastPath
from tui_trainer.engine.monitoring.layer_stats import layers_of
from tui_trainer.engine.ranks.beat import Beat, Decision, Report
from tui_trainer.engine.ranks.channel import Channel
from tui_trainer.engine.ranks.checkpointer import RANKS, SharedCheckpointer, other_number
from tui_trainer.engine.ranks.evaluation import shared_evaluation
from tui_trainer.engine.ranks.metric import SharedMetric
from tui_trainer.engine.ranks.numbers import RankNumbers
from tui_trainer.engine.ranks.passes import PassTimes, SharedModel, SharedPasses, wrap
from tui_trainer.engine.ranks.refusals import SHARDED, check_shared, check_shared_optimizer
from tui_trainer.engine.ranks.sharded_save import prepare_writer
from tui_trainer.engine.ranks.sharding import ShardedModel, shard
from tui_trainer.engine.ranks.share import Share, bounds
from tui_trainer.engine.rng import seeded_states
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.engine.train_state import StateTree, TrainState
from tui_trainer.errors import UserError
from tui_trainer.guards.watch import Measurements
from tui_trainer.protocol.commands import COMMANDS, Stop

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
"""Layers that normalize by the samples of a batch."""


@dataclass(frozen=True, slots=True)
class Place:
    """The device of this process among those of its machine.

    Attributes:
        local_rank: the number of this process on its machine.
    """

    local_rank: int = 0

    def device(self, chosen: torch.device) -> torch.device:
        """Return the accelerator of this process where the run chose one."""
        if chosen.type != "cuda":
            return chosen
        device = torch.device("cuda", self.local_rank % torch.cuda.device_count())
        torch.cuda.set_device(device)
        return device


class JoinedRanks:
    """One of several processes that train a run together.

    Args:
        channel: the others.
        place: the device of this one.
    """

    def __init__(self, channel: Channel, place: Place | None = None) -> None:
        self.channel = channel
        self.sharded = False
        """Whether each rank holds a part of the model alone: `training.sharding`."""
        self.place = place or Place()
        self.rank, self.size = channel.rank, channel.size
        self.share = Share(channel.rank, channel.size)
        self.times = PassTimes()
        self.inbox = CommandQueue(threading.Event())
        """Commands of rank 0 that wait for the next beat."""
        self.signals: list[str] = []
        """Names of the signals that asked this process to stop; written in signal handlers."""
        self.step = 0
        """The step of the newest beat."""
        self.on_numbers: Callable[[dict[str, float]], None] = lambda numbers: None
        """Called on rank 0 with the next row of the series about all ranks."""
        self._numbers = RankNumbers(channel.size)
        self.evaluate = shared_evaluation(channel)
        """Measures a split, a part of it on each rank."""
        self.steps: Callable[[], int] = lambda: self.step
        """Returns the steps that were taken."""
        self.trains = self.ended = False
        """Whether the first beat has been taken; whether the run is over."""
        self._heard = 0
        """Requests to stop that were passed on."""
        self._beat = Beat(channel, self._decide)
        self._decision = Decision()
        self._checkpointer: SharedCheckpointer | None = None
        self._seconds: Callable[[], float] = lambda: 0.0
        self._generators: StateTree = {}
        self._log: Callable[[str], None] = lambda line: None
        self.explain: Callable[[BaseException], str] = lambda error: ""
        """Says on rank 0 which rank is gone, where an error tells of that; empty otherwise."""
        self._wrapped: SharedModel | None = None
        self._read = (0, 0.0)
        """Step and seconds of waiting for data at the last beat."""
        self._process = psutil.Process()

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which has the journal and the socket."""
        return self.rank == 0

    @property
    def last_saved(self) -> tuple[int, int] | None:
        """Step and epoch of the checkpoint `last` on disk; None where there is none."""
        return self._checkpointer.last if self._checkpointer is not None else None

    # -- setting up -------------------------------------------------------------------------------------------------

    def check(self, config: RunConfig) -> None:
        """Raise `UserError` where a run cannot be shared out over several processes."""
        check_shared(config, self.size)

    def measured_by(self, config: RunConfig) -> RunConfig:
        """Return the configuration without the measurements that need the whole model on one rank."""
        self.sharded = self.times.by_cpu = config.training.sharding == "fully-shard"
        if not self.sharded:
            return config
        training = config.training.model_copy(update={"layers_every": 0, "probe_every": 0})
        return config.model_copy(update={"training": training, "pictures": ()})

    def agree(self, holds: bool) -> bool:
        """Return on every rank whether something holds on all of them."""
        return all(self.channel.exchange(holds))

    def check_optimizer(self, optimizer: AnyOptimizer) -> None:
        """Raise `UserError` for an optimizer that several processes cannot step together."""
        check_shared_optimizer(optimizer, self.size, sharded=self.sharded)

    def share_out(self, setup: TrainingSetup, log: Callable[[str], None]) -> None:
        """Have each rank train its share of the batches from now on."""
        self._log = log
        count = setup.batches.count
        if count < self.size:
            raise UserError(f"--processes {self.size}: the training data has {count} samples, and each needs one")
        least = min(bounds(size, 0, self.size)[1] for size in setup.batches.sizes)
        if least < 2 and _has_batch_norm(setup.model):
            raise UserError(
                f"--processes {self.size}: batch norm needs two samples of each batch on each rank, and batches have "
                f"{', '.join(str(size) for size in sorted(setup.batches.sizes))}: set another data.batch_size"
            )
        setup.share = setup.batches.share = self.share
        setup.shared_passes = self.passes
        if self.rank:
            setup.rng = seeded_states(setup.device, seeded(setup.rng_seed, self.rank).initial_seed())
        self._generators = setup.rng
        for line in differences(setup.model, self.size):
            log(line)
        if self.sharded:
            shard(setup.model, setup.device)
            prepare_writer()
            setup.layers = layers_of(setup.model)
            setup.fast_path = FastPath("off")
            log(SHARDED)

    def passes(self, setup: TrainingSetup, part: int) -> SharedPasses:
        """Return the passes of a training step."""
        if self._wrapped is None:
            sharded = self.sharded
            self._wrapped = ShardedModel(setup.model) if sharded else wrap(setup.model, setup.device, self.times)
        return SharedPasses(
            self._wrapped,
            setup.objective,
            setup.parameters,
            setup.autocast,
            setup.scaler,
            self.share,
            setup.data.train,
            part,
            self.times,
        )

    def metric(self, make: Callable[[], EpochMetric]) -> EpochMetric:
        """Return the metric of the training batches of all ranks."""
        return SharedMetric(make, self.channel)

    def checkpointer(self, *settings: Any, **further: Any) -> Checkpointer:
        """Return a checkpointer of all ranks, from what one of a run by itself is made with."""
        self._checkpointer = checkpointer = SharedCheckpointer(*settings, **further)
        checkpointer.channel = self.channel
        return checkpointer

    def own_state(self, tree: StateTree) -> StateTree:
        """Return the state of a checkpoint with the generators of this rank, where it was written by as many."""
        saved = tree.get(RANKS)
        if saved is not None and saved["count"] == self.size:
            return {**tree, "rng": saved["rng"][self.rank]}
        if saved is None and self._beat.count:  # a copy of this process, for an undo
            return tree
        self._log(other_number(saved["count"] if saved is not None else 1, self.size))
        return tree if self.leads else {**tree, "rng": self._generators}

    # -- while it trains --------------------------------------------------------------------------------------------

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all ranks."""
        return self.channel.sum(values)

    def measured(self, values: dict[str, float]) -> dict[str, float]:
        """Return the numbers of a step for guards: the loss over all ranks, and of everything else that of rank 0."""
        rows = self.channel.exchange(values)
        total = {"train_loss": sum(row["train_loss"] for row in rows)} if "train_loss" in rows[0] else {}
        return {**rows[0], **total}

    def agree_on(self, measured: Measurements) -> Measurements:
        """Return what rank 0 measured in an epoch and found in it, by which the guards of all ranks decide."""
        mine = json.dumps([measured.values, sorted(measured.findings or ())]).encode()
        values, findings = json.loads(self.channel.broadcast(mine))
        return replace(measured, values=values, findings=frozenset(findings))

    def step_done(self) -> bool:
        """Count a step. Returns whether the next beat is due."""
        return self._beat.step_done()

    def beat(self, step: int, waited: float, commands: CommandQueue, seconds: Callable[[], float]) -> None:
        """Take a beat. Puts the commands that take effect now into the queue of the trainer.

        Args:
            step: steps that were taken.
            waited: seconds in which this rank waited for its data.
            commands: the queue of the trainer.
            seconds: returns the seconds of training.
        """
        self.step, self._seconds, self.trains = step, seconds, True
        own, others = self.times.take()
        report = Report(
            step=step,
            signals=len(self.signals),
            steps=max(step - self._read[0], 0),
            own=own,
            waited=others,
            input=max(waited - self._read[1], 0.0),
            memory=self._process.memory_info().rss,
        )
        self._read = step, waited
        self._decision = self._beat.take(report)
        if self._checkpointer is not None:
            self._checkpointer.due_now = self._decision.saves
        for command in self._decision.commands:
            commands.put(COMMANDS.validate_python(command))

    def beat_in_validation(self, commands: CommandQueue) -> None:
        """Count a part of a validation, and take the beat that is due in it."""
        if self._beat.round_done():
            self.beat(self.step, self._read[1], commands, self._seconds)

    def part(self) -> None:
        """Part at the end of the run: no rank leaves before rank 0 knows that they may."""
        self.ended = True
        self.channel.broadcast(b"")

    def agree_on_start(self, state: TrainState) -> None:
        """Take scripted commands and guards from rank 0, which alone has read the journal."""
        rows = [[step, command.model_dump(mode="json")] for step, command in state.script]
        mine = [rows, state.guards.state_dict()] if self.leads else None
        script, guards = self.channel.exchange(mine)[0]
        state.follow([(int(step), COMMANDS.validate_python(command)) for step, command in script])
        if not self.leads:
            state.guards.load_state_dict(guards)

    def _decide(self, reports: list[Report]) -> tuple[list[dict[str, Any]], bool]:
        """Return what takes effect now. Ranks that stand at different steps cannot go on together."""
        steps = {int(report.step) for report in reports}
        if len(steps) > 1:
            raise RuntimeError(f"the ranks stand at different steps: {', '.join(map(str, sorted(steps)))}")
        self._hear(reports)
        if numbers := self._numbers.add(reports):
            self.on_numbers(numbers)
        commands: list[dict[str, Any]] = []
        while (command := self.inbox.take()) is not None:
            commands.append(command.model_dump(mode="json"))
        checkpointer = self._checkpointer
        return commands, checkpointer is not None and checkpointer.due_by_time(self._seconds())

    def _hear(self, reports: list[Report]) -> None:
        """Make one stop of a signal that several ranks have received."""
        asked = max(int(report.signals) for report in reports)
        while self._heard < asked:
            self._heard += 1
            heard = [rank for rank, report in enumerate(reports) if report.signals >= self._heard]
            name = self.signals[self._heard - 1] if len(self.signals) >= self._heard else f"signal to rank {heard[0]}"
            self.inbox.put(Stop(by=name, reason="interrupted", id=f"signal-{self._heard}"))


def differences(model: nn.Module, size: int) -> list[str]:
    """Return in words what differs from a run of one process."""
    lines = [f"{size} processes train: each batch is shared out, and its gradient is the mean over all samples"]
    if _has_batch_norm(model):
        lines.append(
            "batch norm: each rank normalizes by its own samples, and the running mean and variance are those of rank "
            "0: the curves differ from those of one process"
        )
    if any(type(module).__name__.startswith("Dropout") and getattr(module, "p", 0) for module in model.modules()):
        lines.append("dropout: each rank draws its own masks: the curves differ from those of one process")
    return lines


def _has_batch_norm(model: nn.Module) -> bool:
    return any(isinstance(module, BATCH_NORMS) for module in model.modules())
