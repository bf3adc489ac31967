"""Several runs in one thread, taking turns."""

from __future__ import annotations

import math
import threading
import traceback
from collections.abc import Callable, Sequence

from tui_trainer.engine import rng
from tui_trainer.engine.commands.handlers import reject
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ending import fail
from tui_trainer.engine.trainer import Trainer


def train_runs(trainers: Sequence[Trainer], wake: threading.Event) -> None:
    """Train every run to its end, a batch at a time; wait on `wake` while all of them are paused.

    The turn is of those that are least far, in epochs: then one that takes all samples in a step and one that takes a
    few grow side by side. One that was asked for something answers at once, and one that was paused goes on where the
    others are: they do not stand still until it has caught up. A run that fails ends alone, with its traceback in the
    log. What is asked of one that is over is refused at once, however long the others go on.
    """
    if len(trainers) == 1:
        _train_alone(trainers[0], wake)
        return
    going = {trainer: trainer.run() for trainer in trainers}
    passed = {trainer: trainer.epoch + trainer.position / trainer.steps_per_epoch for trainer in trainers}
    while going:
        wake.clear()
        for trainer in trainers:
            if trainer.over and trainer.control.waiting:
                dismiss(trainer.control, trainer)
        busy = False
        least = min((passed[trainer] for trainer in going if not trainer.paused), default=-math.inf)
        for trainer in list(going):
            if passed[trainer] > least and not trainer.paused and not trainer.control.waiting:
                continue
            rng.put(trainer.shop.rng, trainer.shop.device)
            trainer.watch.start()
            alive = guarded(trainer, lambda turn=going[trainer]: next(turn, None))
            if alive is None:
                del going[trainer]
                continue
            trainer.watch.stop()
            trainer.shop.rng = rng.take(trainer.shop.device)
            busy = busy or alive
            if alive:
                passed[trainer] = max(passed[trainer], least) + 1 / trainer.steps_per_epoch
        if not busy and going:
            wake.wait(1.0)


def _train_alone(trainer: Trainer, wake: threading.Event) -> None:
    def all_of_it() -> None:
        for busy in trainer.run():
            if not busy:
                wake.wait(1.0)
                wake.clear()

    guarded(trainer, all_of_it)


def guarded(trainer: Trainer, work: Callable[[], bool | None]) -> bool | None:
    """Do some work of a run; what goes wrong in it ends this run and no other."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001
        traceback.print_exc()
        fail(trainer, error)
        return None


def dismiss(control: CommandQueue, trainer: Trainer) -> None:
    """Refuse what was asked too late."""
    while (command := control.take()) is not None:
        reject(trainer, command, "the run is over")
