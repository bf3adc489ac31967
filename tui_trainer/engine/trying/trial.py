"""Trials on a run that are taken back to the bit: the copy to which it returns, and the batches to come."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from torch import Tensor

from tui_trainer.engine.checkpointing.snapshot import restore_snapshot, take_snapshot
from tui_trainer.engine.commands.answers import Refusal, refuse_at_end
from tui_trainer.engine.events.flush import check_weights
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.steps.autograd import AutogradStep
from tui_trainer.engine.steps.base import StepFunction
from tui_trainer.engine.steps.clipping import clip_gradients
from tui_trainer.engine.steps.closure import ClosureStep
from tui_trainer.engine.train_state import Snapshot, TrainState


def copy_of_run(state: TrainState, services: TrainingServices) -> Snapshot:
    """Return a copy of the run to go back to. Raises `Refusal` where the device has no memory for it."""
    snapshot = take_snapshot(state, services)
    if snapshot is None:  # the built-in loop has no limit of its own
        raise Refusal("the device has no memory for a copy of the run, to which what is tried goes back")
    return snapshot


@contextmanager
def taken_back(state: TrainState, services: TrainingServices) -> Generator[Snapshot]:
    """Yield a copy of the run and return to it: every later number is the one without what was tried.

    The caller's loop begins the batches of the epoch again, as after an undo.
    """
    snapshot = copy_of_run(state, services)
    model, batches = services.setup.model, services.setup.batches
    waited, modes = batches.waited, [(module, module.training) for module in model.modules()]
    of_numpy, of_python = np.random.get_state(), random.getstate()
    try:
        model.train()
        yield snapshot
    finally:
        restore_snapshot(state, services, snapshot)
        batches.waited = waited
        for module, training in modes:
            module.training = training
        np.random.set_state(of_numpy)
        random.setstate(of_python)


def without_stream(snapshot: Snapshot) -> Snapshot:
    """Return a copy of the run without the position of a stream: its batches are read once, for all that is tried."""
    return replace(snapshot, tree={name: part for name, part in snapshot.tree.items() if name != "stream"})


def step_function(services: TrainingServices) -> StepFunction:
    """Return the step of the run with its present optimizer, without what measures around it."""
    setup, optimizer = services.setup, services.optimizer
    if optimizer.description.needs_closure:
        return ClosureStep(setup.plain_forward, setup.objective, setup.parameters, optimizer.torch_optimizer)
    return AutogradStep(setup.forward_backward, optimizer.torch_optimizer, optimizer.step, setup.scaler)


def coming_batches(services: TrainingServices, epoch: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches from index `start` of an epoch on, across the ends of epochs."""
    while True:
        yield from services.setup.batches.epoch(epoch, start)
        epoch, start = epoch + 1, 0


def clip_to(clip: float, services: TrainingServices, _loss: Tensor) -> None:
    """Clip the gradients as a step does; 0 for no clipping."""
    if clip:
        clip_gradients(services.setup.parameters, clip)


def refuse_untriable(state: TrainState, services: LoopServices) -> None:
    """Refuse to try steps where no batch will come, or from weights that are not finite."""
    refuse_at_end(state, services)
    if check_weights(state, services):
        raise Refusal(f"the run is no longer finite: {state.detail}")
