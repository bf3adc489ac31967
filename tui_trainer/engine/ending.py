"""How a run is going to end, and the end of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tui_trainer.engine import run_events
from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the run ends, when, and with which weights."""

    reason: ev.Reason
    detail: str
    when: Literal["batch", "epoch"] = "batch"
    restore_best: bool = False
    cause: AnyCommand | None = None


def finish(trainer: Trainer) -> None:
    """Validate where the last batches have not been, put the best back where asked, save, say why it ended."""
    trainer.flush()
    trainer.finishing = True
    if trainer.broken:
        # Weights that a broken loss has touched are not saved: `last` stays what it was.
        _save_best(trainer)
    else:
        trainer.album.end()
        _settle(trainer)
    ending = trainer.ending or Ending("completed", f"all {trainer.epochs} epochs trained")
    _say(trainer, ending.reason, ending.detail)


def fail(trainer: Trainer, error: BaseException) -> None:
    """End the run because of an error in it; what was saved stays."""
    trainer.exit_code = 1
    _say(trainer, "failed", run_events.in_words(error))


def _say(trainer: Trainer, reason: ev.Reason, detail: str) -> None:
    trainer.watch.stop()
    trainer.over = True
    trainer.publish(run_events.finished(trainer, reason, detail))


def _settle(trainer: Trainer) -> None:
    if trainer.position and not trainer.control.hurried:
        found = trainer.validate()
        if found is not None:
            trainer.publish_metrics(found)
    best = trainer.judge.best
    wanted = trainer.ending is not None and trainer.ending.restore_best
    if wanted and best is not None and trainer.best_weights is not None and best.step != trainer.step:
        snapshot.put_back(trainer, trainer.best_weights)
        trainer.publish(ev.RolledBack(to="best", from_epoch=best.epoch, step=trainer.step))
    trainer.save()


def _save_best(trainer: Trainer) -> None:
    """Save the best epoch alone."""
    best, weights = trainer.judge.best, trainer.best_weights
    if trainer.saver is not None and best is not None and weights is not None and not trainer.best_is_saved:
        trainer.best_is_saved = trainer.saver.save_best(weights, step=best.step, epoch=best.epoch)
