"""A race: a few settings, each trained some steps from the state in hand on the same batches, and taken back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from time import perf_counter

import torch
from torch import Tensor

from tui_trainer.engine.checkpointing.snapshot import restore_snapshot
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.steps.schedule import apply_lr, apply_schedule
from tui_trainer.engine.train_state import Metrics, Snapshot, TrainState
from tui_trainer.engine.trying.trial import (
    clip_to,
    coming_batches,
    copy_of_run,
    step_function,
    taken_back,
    without_stream,
)
from tui_trainer.protocol.commands import Pause, Stop, TakeRace
from tui_trainer.state.pace import FORWARD_SHARE

TURNS = 20
"""Turns of each of the settings, so that their curves grow side by side."""
TIMED = 3
"""Steps that are tried to say the price."""

Batch = tuple[Tensor, Tensor]


@dataclass(slots=True)
class RacedLane:
    """One of the settings while it is raced.

    Attributes:
        snapshot: the run with it, after the steps so far.
        losses: the loss of each step.
        metrics: of the validation split, after the last step.
        broke: why it ended early; empty where it did not.
        seconds: time of its steps.
        swaps: time of going to it and from it.
    """

    snapshot: Snapshot
    losses: list[float] = field(default_factory=list[float])
    metrics: Metrics = field(default_factory=dict[str, float | None])
    broke: str = ""
    seconds: float = 0.0
    swaps: float = 0.0


@dataclass(frozen=True, slots=True)
class RaceOutcome:
    """The outcome of a race.

    Attributes:
        lanes: one for each of the settings, in their order.
        snapshot: the run as it was, and is again.
        seconds: time that it took.
        bytes: size of the copies of the run.
        interrupted: whether a pause, a stop or a decision ended it.
    """

    lanes: list[RacedLane]
    snapshot: Snapshot
    seconds: float
    bytes: int
    interrupted: bool


def steps_left(state: TrainState, services: TrainingServices, asked: int) -> int:
    """Return the steps of a race: as many as were asked for, but none beyond the run, nor with batches of a new size.

    A batch size that was set is in force from the next epoch on, and cuts its batches otherwise.
    """
    of_epoch = services.steps_per_epoch - state.position
    if services.own_knobs.detail:
        return min(asked, of_epoch)
    return min(asked, of_epoch + (state.epochs - state.epoch - 1) * services.steps_per_epoch)


def price(state: TrainState, services: TrainingServices, count: int, steps: int) -> tuple[float, int]:
    """Return about how many seconds a race of `count` settings would take, and the bytes of its copies.

    A few steps are tried for it, one at a time, and taken back.
    """
    tried = race(state, services, [lambda: None], TIMED, lambda _number, _losses: None, measure=False)
    lane = tried.lanes[0]
    each, swap = lane.seconds / TIMED, lane.swaps / TIMED
    validation = FORWARD_SHARE * each * len(services.setup.data.validation) / services.setup.batches.size
    turns = -(-steps // max(steps // TURNS, 1))
    return count * (steps * each + turns * swap + validation), tried.snapshot.bytes * (count + 1)


def race(
    state: TrainState,
    services: TrainingServices,
    settings: Sequence[Callable[[], None]],
    steps: int,
    advanced: Callable[[int, list[float]], None],
    *,
    measure: bool = True,
) -> RaceOutcome:
    """Train `steps` steps with each of the settings, in turns, and go back to where the run was.

    Args:
        settings: each changes the run to one of the settings.
        advanced: called after each turn with the index of the settings and the losses of its steps.
        measure: whether to validate after the last step.
    """
    began = perf_counter()
    interrupted = False
    with taken_back(state, services) as fork:
        apart = without_stream(fork)
        lanes = [_entered(state, services, apart, change) for change in settings]
        coming = coming_batches(services, state.epoch, state.position)
        left = steps
        while left and not interrupted:
            batches = list(islice(coming, min(max(steps // TURNS, 1), left)))
            left -= len(batches)
            for index, lane in enumerate(lanes):
                if lane.broke or interrupted:
                    continue
                with services.events.muted():
                    losses = _turn(state, services, lane, batches)
                advanced(index, losses)
                interrupted = _is_interrupted(services)
        for lane in lanes if measure else []:
            if not (interrupted or lane.broke):
                with services.events.muted():
                    restore_snapshot(state, services, lane.snapshot)
                    measured = services.validate() or {}
                lane.metrics = {name: value for name, value in measured.items() if name.startswith("val_")}
                interrupted = _is_interrupted(services)
    size = fork.bytes + sum(lane.snapshot.bytes for lane in lanes)
    return RaceOutcome(lanes, fork, perf_counter() - began, size, interrupted)


def _entered(state: TrainState, services: TrainingServices, fork: Snapshot, change: Callable[[], None]) -> RacedLane:
    with services.events.muted():
        restore_snapshot(state, services, fork)
        change()
        return RacedLane(_copy(state, services))


def _copy(state: TrainState, services: TrainingServices) -> Snapshot:
    return without_stream(copy_of_run(state, services))


def _turn(state: TrainState, services: TrainingServices, lane: RacedLane, batches: Sequence[Batch]) -> list[float]:
    """Train the batches with one of the settings. Returns their losses, up to the first that is not finite."""
    began = perf_counter()
    restore_snapshot(state, services, lane.snapshot)
    services.setup.model.train()
    apply_schedule(state, services)
    entered = perf_counter()
    take_step = step_function(services)
    taken: list[Tensor] = []
    try:
        for inputs, targets in batches:
            if state.lr_changes_each_step:
                apply_lr(state, services)
            taken.append(take_step(inputs, targets, partial(clip_to, state.clip, services)).loss)
            _count_step(state, services)
    except (ArithmeticError, RuntimeError, ValueError) as error:  # such as a factorisation of numbers that overflowed
        lane.broke = f"its step {len(lane.losses) + len(taken) + 1} failed: {' '.join(str(error).split())[:120]}"
    stacked = torch.stack(taken) if taken else torch.zeros(0)
    losses: list[float] = (stacked if services.ranks is None else services.ranks.sum(stacked)).tolist()
    ended = perf_counter()
    lane.seconds += ended - entered
    for place, loss in enumerate(losses):
        if not math.isfinite(loss):
            lane.broke = f"its loss was not finite at step {len(lane.losses) + place + 1}"
            losses = losses[:place]
            break
    lane.losses += losses
    if not lane.broke:
        lane.snapshot = _copy(state, services)
    lane.swaps += perf_counter() - ended + entered - began
    return losses


def _count_step(state: TrainState, services: TrainingServices) -> None:
    state.step += 1
    state.position += 1
    if state.position == services.steps_per_epoch:
        state.epoch, state.position = state.epoch + 1, 0
        apply_schedule(state, services)


def _is_interrupted(services: TrainingServices) -> bool:
    return any(isinstance(command, Pause | Stop | TakeRace) for command in services.commands.pending())
