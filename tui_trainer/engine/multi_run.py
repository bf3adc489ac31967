"""Several runs in one thread, a batch of one after a batch of another."""

from __future__ import annotations

import math
import threading
import traceback
from collections.abc import Callable, Sequence

from tui_trainer.engine import rng
from tui_trainer.engine.commands.handlers import reject
from tui_trainer.engine.ending import fail
from tui_trainer.engine.events.error_text import is_out_of_memory
from tui_trainer.engine.trainer import Trainer


def train_runs(trainers: Sequence[Trainer], wake: threading.Event) -> None:
    """Train every run to its end, a batch at a time; wait for `wake` while all of them are paused.

    The run that has completed the fewest epochs goes next, so full-batch and mini-batch runs progress together. A run
    with a waiting command goes next too, to answer it at once. A run that was paused continues at the progress of the
    others, which do not wait until it has caught up. A run that fails ends alone, with its traceback in the log.
    Commands for a run that is over are refused at once, however long the others train.
    """
    if len(trainers) == 1:
        _train_alone(trainers[0], wake)
        return
    loops = {trainer: trainer.run() for trainer in trainers}
    progress = {trainer: _epochs_completed(trainer) for trainer in trainers}
    while loops:
        wake.clear()
        for trainer in trainers:
            if trainer.state.over and trainer.commands.waiting:
                refuse_waiting(trainer)
        busy = False
        least = min((progress[trainer] for trainer in loops if not trainer.state.paused), default=-math.inf)
        for trainer in list(loops):
            state, setup = trainer.state, trainer.services.setup
            if progress[trainer] > least and not state.paused and not trainer.commands.waiting:
                continue
            rng.load_state_dict(setup.rng, setup.device)
            state.timer.start()
            trained = end_on_error(trainer, lambda loop=loops[trainer]: next(loop, None))
            if trained is None:
                del loops[trainer]
                continue
            state.timer.stop()
            setup.rng = rng.state_dict(setup.device)
            busy = busy or trained
            if trained:
                progress[trainer] = max(progress[trainer], least) + 1 / trainer.services.steps_per_epoch
        if not busy and loops:
            wake.wait(1.0)


def _epochs_completed(trainer: Trainer) -> float:
    return trainer.state.epoch + trainer.state.position / trainer.services.steps_per_epoch


def _train_alone(trainer: Trainer, wake: threading.Event) -> None:
    def train() -> None:
        for busy in trainer.run():
            if not busy:
                wake.wait(1.0)
                wake.clear()

    end_on_error(trainer, train)


def end_on_error(trainer: Trainer, work: Callable[[], bool | None]) -> bool | None:
    """Call `work`, a part of a run; an exception ends this run and no other, and returns None."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001
        if not is_out_of_memory(error):  # its traceback says no more than its message
            traceback.print_exc()
        fail(trainer.state, trainer.services, error)
        return None


def refuse_waiting(trainer: Trainer) -> None:
    """Refuse the commands that came after the end of a run."""
    while (command := trainer.commands.take()) is not None:
        reject(trainer.events, trainer.state.step, command, "the run is over")
