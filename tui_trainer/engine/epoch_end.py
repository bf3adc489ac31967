"""The end of an epoch: measured, validated, judged, published, saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_trainer.components.schedulers.builtin import Plateau
from tui_trainer.diagnosis.reducer import EFFECTIVE
from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.ending import Ending
from tui_trainer.engine.evaluation.early_stopper import Metrics
from tui_trainer.engine.monitoring import layer_stats, step_probe
from tui_trainer.engine.monitoring.layer_stats import finite
from tui_trainer.engine.monitoring.recorder import columns
from tui_trainer.protocol import events as ev

if TYPE_CHECKING:
    from torch import Tensor

    from tui_trainer.engine.trainer import Trainer


def end_epoch(trainer: Trainer) -> None:
    """Measure the epoch, validate, decide, save."""
    trainer.epoch += 1
    trainer.position = 0
    metrics: Metrics = {"train_loss": finite(trainer.recorder.epoch_mean())}
    metrics |= {f"train_{name}": finite(value) for name, value in trainer.metric.values().items()}
    trainer.metric = trainer.new_metric()
    every = trainer.config.training.validate_every
    found = None
    if trainer.epoch % every == 0 or trainer.epoch >= trainer.epochs or trainer.ending is not None:
        with trainer.prober.watching(trainer.epoch, trainer.steps_per_epoch) as seen:
            found = trainer.validate()
        if seen is not None:
            _say_layers(trainer, seen)
        metrics |= found or {}
    judge, scheduler = trainer.judge, trainer.plan.scheduler
    if isinstance(scheduler, Plateau):
        judge.watch(scheduler.watch, trainer.step, metrics)
    is_best = found is not None and judge.judge(trainer.epoch, trainer.step, metrics, every)
    if is_best:
        trainer.best_weights = copied(snapshot.weights(trainer))
        trainer.best_is_saved = False
    trainer.last_metrics |= metrics
    trainer.publish(
        ev.EpochEnded(
            epoch=trainer.epoch,
            step=trainer.step,
            seconds=round(trainer.watch.read(), 4),
            metrics=metrics,
            lr=trainer.rate,
            best=judge.best,
            is_best=is_best,
            bad_epochs=judge.bad_epochs,
        )
    )
    trainer.album.epoch_ended()
    if trainer.ending is None and judge.out_of_patience:
        restore = judge.stopping.restore_best
        trainer.ending = Ending("early-stopped", judge.out_of_patience, restore_best=restore)
    if trainer.ending is None and (trainer.save_is_due or _is_kept(trainer)):
        trainer.save()


def _is_kept(trainer: Trainer) -> bool:
    every = trainer.config.checkpoints.every_epochs
    return every > 0 and trainer.epoch % every == 0


def _say_layers(trainer: Trainer, seen: dict[str, Tensor]) -> None:
    """What came out of the hidden layers in this validation, and how large the steps of Adagrad still are."""
    if seen:
        trainer.publish(ev.LayersMeasured(step=trainer.step, layers=layer_stats.activity(seen)))
    rate = step_probe.effective_rate(trainer.optimizer)
    if rate is not None:
        seconds = [round(trainer.watch.read(), 4)]
        trainer.publish(columns(trainer.step, [trainer.step], seconds, {EFFECTIVE: [rate]}))
