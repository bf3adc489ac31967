"""Reduce events to a history, both during training and from a journal."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tui_trainer.diagnosis.epochs import EpochSeen
from tui_trainer.diagnosis.history import (
    ENOUGH_PROBES,
    LAST_LOSSES,
    MEASUREMENTS,
    MOST_PROBES,
    WINDOW,
    BatchWindow,
    Broken,
    History,
    LayerSeen,
    ProbeSeen,
)
from tui_trainer.diagnosis.interventions import MOST, intervention
from tui_trainer.protocol import events as ev
from tui_trainer.state.series_names import RANK

QUALITY, COSINE, UPDATE, EFFECTIVE = "step_quality", "gradient_cosine", "update_ratio", "effective_rate"
"""Names of the columns in which a run publishes the results of its step probe."""
LARGEST = sys.float_info.max
"""Replaces a mean epoch loss that was not finite."""


def follow(history: History, event: ev.AnyEvent) -> History:
    """Return the history with another event; everything that the event does not mention is unchanged."""
    fold = _FOLDS.get(type(event))
    if fold is None:
        return history
    made = intervention(event, history.lr) if event.cause is not None else None
    history = fold(history, event)
    return history if made is None else replace(history, interventions=(*history.interventions, made)[-MOST:])


def _started(history: History, event: ev.RunStarted) -> History:
    if event.step == 0:
        history = History()
    return replace(
        history,
        task=event.task,
        chance=event.chance,
        guessing=event.guessing,
        optimizer=event.optimizer.kind if event.optimizer is not None else "",
        monitor=event.monitor,
        planned=event.epochs,
        steps_per_epoch=max(event.steps_per_epoch, 1),
        validation_samples=event.validation_samples,
        scales=event.scales,
        step=event.step,
        broken=None,
        reason="",
        plan=event.plan.with_curve(None) if event.plan is not None else None,
        lr=event.plan.rate(event.step) if event.plan is not None else 0.0,
    )


def _scalars(history: History, event: ev.Scalars) -> History:
    if event.cause is not None or not event.steps:
        return history
    losses = event.values.get("train_loss")
    if f"{RANK}/slowest" in event.values:
        numbers = {name.removeprefix(f"{RANK}/"): column[-1] for name, column in event.values.items()}
        return replace(history, ranks={name: number for name, number in numbers.items() if number is not None})
    if losses:
        history = _with_losses(history, event, losses)
    norms = event.not_finite.get("grad_norm")
    if norms and history.broken is None:
        first = min(norms)
        history = replace(history, broken=Broken(event.steps[first], norms[first], "gradient"))
    if QUALITY in event.values:
        history = _with_probes(history, event)
    rates = event.values.get(EFFECTIVE)
    if rates and rates[-1] is not None:
        first_rate = history.first_rate if history.first_rate is not None else rates[-1]
        history = replace(history, rate=rates[-1], first_rate=first_rate)
    return history


def _with_losses(history: History, event: ev.Scalars, losses: Sequence[float | None]) -> History:
    finite: list[float] = losses.tolist() if isinstance(losses, array) else [one for one in losses if one is not None]
    if not finite:
        return history
    batches = history.under_way
    rates = event.values.get("lr")
    return replace(
        history,
        step=event.steps[-1],
        lr=rates[-1] if rates and rates[-1] is not None else history.lr,
        first_loss=finite[0] if history.first_loss is None else history.first_loss,
        last_losses=(*history.last_losses, *finite[-LAST_LOSSES:])[-LAST_LOSSES:],
        under_way=BatchWindow(
            batches.count + len(finite),
            batches.total + sum(finite),
            batches.squares + sum([loss * loss for loss in finite]),
            max(finite) if not batches.count else max(batches.highest, max(finite)),
        ),
    )


def _epochs_ended(history: History, step: int) -> int:
    plan = history.plan
    return plan.epochs_ended(step) if plan is not None and plan.lengths else step // history.steps_per_epoch


def _with_probes(history: History, event: ev.Scalars) -> History:
    columns = [event.values.get(name, [None] * len(event.steps)) for name in (QUALITY, UPDATE, COSINE)]
    fresh = [
        ProbeSeen(step, _epochs_ended(history, step - 1) + 1, *measured)
        for step, *measured in zip(event.steps, *columns, strict=True)
    ]
    known = (*history.probes, *fresh)
    in_window = sum(probe.epoch > fresh[-1].epoch - WINDOW for probe in known)
    return replace(history, probes=known[-min(max(in_window, ENOUGH_PROBES), MOST_PROBES) :])


def _epoch_ended(history: History, event: ev.EpochEnded) -> History:
    metrics = event.metrics
    accuracy, loss = metrics.get("val_accuracy"), metrics.get("train_loss")
    batches = history.under_way
    if "train_loss" not in metrics:  # no training loss was logged in it, which is no sign of a loss that is not finite
        if not history.epochs:
            return replace(history, step=event.step)
        loss = history.epochs.last.loss
    ended = EpochSeen(
        number=event.epoch,
        step=event.step,
        loss=LARGEST if loss is None else loss,
        deviation=batches.deviation,
        highest=batches.highest,
        lr=event.lr,
        val_loss=metrics.get("val_loss"),
        val_error=1 - accuracy if accuracy is not None else None,
    )
    return replace(history, step=event.step, under_way=BatchWindow(), epochs=history.epochs.with_(ended))


def _layers_measured(history: History, event: ev.LayersMeasured) -> History:
    known = {layer.name: layer for layer in history.layers}
    for name, found in event.layers.items():
        if name in history.scales:
            continue
        seen = known.get(name, LayerSeen(name))
        if found.grad_norm is not None and found.weight_norm is not None:
            seen = replace(
                seen,
                gradients=(*seen.gradients, found.grad_norm)[-MEASUREMENTS:],
                weights=(*seen.weights, found.weight_norm)[-MEASUREMENTS:],
            )
        if found.activation_std is not None:
            seen = replace(seen, spread=found.activation_std, silent=found.dead)
        known[name] = seen
    return replace(history, layers=tuple(known.values()))


def _loss_broke(history: History, event: ev.LossBroke) -> History:
    what = history.broken.what if history.broken is not None else event.what
    step = history.broken.step if history.broken is not None else event.step
    return replace(history, broken=Broken(step, event.kind, what, event.layer, event.data))


# Probes do not describe steps with another learning rate, another optimizer or from other weights: they are dropped.


def _optimizer_changed(history: History, event: ev.OptimizerChanged) -> History:
    history = replace(history, plan=event.plan.with_curve(None), lr=event.lr)
    return replace(history, optimizer=event.optimizer.kind, probes=(), rate=None, first_rate=None)


def _setting_changed(history: History, event: ev.SettingChanged) -> History:
    if event.plan is not None:
        history = replace(history, plan=event.plan.with_curve(None))
    if event.name == "epochs":
        return replace(history, planned=int(event.value))
    if event.name == "batch_size" and event.plan is not None:
        return replace(history, steps_per_epoch=max(event.plan.steps_per_epoch, 1), probes=())
    return replace(history, probes=(), lr=event.value) if event.name == "lr" else history


def _scheduler_changed(history: History, event: ev.SchedulerChanged) -> History:
    return replace(history, probes=(), plan=event.plan.with_curve(None), lr=event.lr)


def _rolled_back(history: History, event: ev.RolledBack) -> History:
    restored = event.restored
    if restored is not None and (restored.plan.lengths or (history.plan is not None and history.plan.lengths)):
        history = replace(history, plan=restored.plan.with_curve(None), steps_per_epoch=restored.plan.steps_per_epoch)
    # Weights that were finite are back after a roll-back.
    return replace(history, probes=(), broken=history.broken if restored is not None else None)


def _finished(history: History, event: ev.RunFinished) -> History:
    return replace(history, reason=event.reason)


_FOLDS: dict[type[ev.Event], Callable[[History, Any], History]] = {
    ev.RunStarted: _started,
    ev.Scalars: _scalars,
    ev.EpochEnded: _epoch_ended,
    ev.LayersMeasured: _layers_measured,
    ev.LossBroke: _loss_broke,
    ev.OptimizerChanged: _optimizer_changed,
    ev.SettingChanged: _setting_changed,
    ev.SchedulerChanged: _scheduler_changed,
    ev.RolledBack: _rolled_back,
    ev.RunFinished: _finished,
}
