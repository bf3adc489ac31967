"""The end of an epoch: measure, validate, judge, publish, save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from tui_trainer.components.schedulers.builtin import Plateau
from tui_trainer.diagnosis.reducer import EFFECTIVE
from tui_trainer.engine.checkpointing.save import epoch_save_is_due, save_run
from tui_trainer.engine.checkpointing.snapshot import model_state_dict
from tui_trainer.engine.guarding.rescue import is_rescued
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.monitoring import layer_stats, step_probe
from tui_trainer.engine.monitoring.layer_stats import finite
from tui_trainer.engine.monitoring.recorder import columns
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import Ending, Metrics, TrainState
from tui_trainer.protocol import events as ev


def end_epoch(state: TrainState, services: TrainingServices) -> None:
    """Complete an epoch whose batches have all been trained."""
    state.epoch += 1
    state.position = 0
    metrics = _training_metrics(services)
    validated = _validate(state, services)
    metrics |= validated or {}
    close_epoch(state, services, metrics, validated=validated is not None, taken=services.pictures.epoch_ended)
    if state.ending is None and epoch_save_is_due(state, services):
        save_run(state, services)


def close_epoch(
    state: TrainState,
    services: LoopServices,
    metrics: Metrics,
    *,
    validated: bool,
    taken: Callable[[], object] = lambda: None,
) -> None:
    """Judge an epoch by its metrics, publish it, and plan the end of the run if it was the last one.

    Args:
        validated: whether the metrics can make it the best epoch.
        taken: called once the epoch is published.
    """
    is_best = _judge(state, services, metrics, validated=validated)
    state.last_metrics |= metrics
    early_stopper = services.early_stopper
    services.events.publish(
        ev.EpochEnded(
            epoch=state.epoch,
            step=state.step,
            seconds=state.seconds,
            metrics=metrics,
            lr=state.lr,
            best=early_stopper.best,
            is_best=is_best,
            bad_epochs=early_stopper.bad_epochs,
        )
    )
    taken()
    if state.ending is None and early_stopper.out_of_patience:
        restore = early_stopper.stopping.restore_best
        state.ending = Ending("early-stopped", early_stopper.out_of_patience, restore_best=restore)
    elif state.ending is not None:
        state.ending = replace(state.ending, when="batch")  # the end of the epoch that a stop waited for


def _training_metrics(services: TrainingServices) -> Metrics:
    """Return the means over the batches of the epoch, and start over for the next one."""
    metrics: Metrics = {"train_loss": finite(services.recorder.epoch_mean())}
    metrics |= {f"train_{name}": finite(value) for name, value in services.metric.values().items()}
    services.metric.reset()
    return metrics


def _validate(state: TrainState, services: TrainingServices) -> Metrics | None:
    """Return the metrics of the validation split; None if it is not due, or was cut short."""
    if is_rescued(state, services) and services.first_broken() is not None:
        return None  # the weights of the next step are others
    every = services.config.training.validate_every
    if state.epoch % every != 0 and state.epoch < state.epochs and state.ending is None:
        return None
    with services.step_prober.watching(state.epoch, services.steps_per_epoch) as activity:
        metrics = services.validate()
    if activity is not None:
        _publish_layers(state, services, activity)
    return metrics


def _judge(state: TrainState, services: LoopServices, metrics: Metrics, *, validated: bool) -> bool:
    """Record the metrics that schedule and early stopping watch. Returns whether this is the best epoch so far."""
    early_stopper, scheduler = services.early_stopper, state.plan.scheduler
    if isinstance(scheduler, Plateau):
        early_stopper.record_watched(scheduler.watch, state.epoch, state.step, metrics)
    is_best = validated and early_stopper.update(state.epoch, state.step, metrics)
    if is_best:
        state.best_weights = services.copied(model_state_dict(state, services))
        state.best_is_saved = False
    return is_best


def _publish_layers(state: TrainState, services: TrainingServices, activity: dict[str, Tensor]) -> None:
    """Publish the activations of the hidden layers in this validation, and the median step size of Adagrad."""
    if activity:
        services.events.publish(ev.LayersMeasured(step=state.step, layers=layer_stats.activity(activity)))
    rate = step_probe.effective_rate(services.optimizer.torch_optimizer)
    if rate is not None:
        services.events.publish(columns(state.step, [state.step], [state.seconds], {EFFECTIVE: [rate]}))
