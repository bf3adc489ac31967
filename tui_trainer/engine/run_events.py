"""What a run says of itself when it begins and when it ends."""

from __future__ import annotations

import math
import os
import socket
from typing import TYPE_CHECKING

import torch

from tui_trainer.engine.evaluation.baselines import baseline_losses
from tui_trainer.protocol import events as ev

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer


PREVIEW_POINTS = 2000
"""Points of a sampled schedule that are sent to viewers; a chart has fewer columns."""


def publish_schedule(trainer: Trainer) -> None:
    """Publish the sampled curve of an imported scheduler, so that viewers can draw the coming rate."""
    plan = trainer.plan
    if plan.sampled_curve is not None:
        curve = plan.sampled_curve.thinned(PREVIEW_POINTS)
        trainer.publish(
            ev.SchedulePreview(
                scheduler=plan.scheduler,
                base=plan.base,
                steps=list(curve.steps),
                lr=list(curve.lr),
                step=trainer.step,
            )
        )


def started(trainer: Trainer, path: str) -> ev.RunStarted:
    """What the run is made of."""
    config, shop, judge = trainer.config, trainer.shop, trainer.judge
    data = shop.data
    chance, guessing = baseline_losses(config.loss, shop.objective, data)
    return ev.RunStarted(
        step=trainer.step,
        title=trainer.title,
        preset=trainer.preset,
        config=config.model_dump(mode="json", exclude_none=True),
        path=path,
        device=str(shop.device),
        task=data.shape.task,
        parameters=sum(parameter.numel() for parameter in shop.parameters),
        model=config.model.describe(data.shape, config.loss.outputs(data.shape)),
        layers=tuple(name for name, _ in shop.layers),
        scales=tuple(name for name, own in shop.layers if all(parameter.dim() < 2 for parameter in own)),
        data=data.note or config.data.kind,
        references={name: value for name, value in _references(trainer, guessing).items() if math.isfinite(value)},
        known={name: value for name, value in data.known.items() if math.isfinite(value)},
        chance=chance,
        guessing=guessing,
        train_samples=len(data.train),
        validation_samples=len(data.validation),
        batch_size=shop.batches.size,
        steps_per_epoch=trainer.steps_per_epoch,
        epochs=trainer.epochs,
        clip_grad_norm=trainer.clip,
        patience=judge.stopping.patience,
        min_delta=judge.stopping.min_delta,
        early_stopping=judge.stopping.enabled,
        monitor=judge.stopping.monitor,
        metric=trainer.metric.name,
        loss=config.loss.label(),
        precision=config.training.precision,
        plan=trainer.plan,
        optimizer=trainer.optimizer_choice,
        pid=os.getpid(),
        host=socket.gethostname(),
    )


def _references(trainer: Trainer, guessing: float | None) -> dict[str, float]:
    """Losses worth a line on the chart: those of the data, and the least there can be where that is above 0.

    What guessing costs is counted in the loss of the run: that of the data is in nats, and for a squared error or a
    margin another number or none.
    """
    known = {name: value for name, value in trainer.shop.data.references.items() if name != "guessing"}
    known |= {"guessing": guessing} if guessing is not None else {}
    gap = trainer.descent.gap
    least = {"minimum": gap.minimum} if gap is not None and gap.minimum > 0 else {}
    return {**known, **least}


def finished(trainer: Trainer, reason: ev.Reason, detail: str) -> ev.RunFinished:
    """Why the run ended, where it stands, and what is missing on disk."""
    if trainer.saver is not None and trainer.saver.failing:
        detail += f"; NOT SAVED: {trainer.saver.failing}"
    elif trainer.saver is not None and trainer.saver.gone:
        detail += f"; not on disk any more: checkpoint {', '.join(trainer.saver.gone)}"
    return ev.RunFinished(
        reason=reason,
        detail=detail,
        step=trainer.step,
        epoch=trainer.epoch,
        seconds=round(trainer.watch.read(), 4),
        metrics=trainer.last_metrics | {"lr": trainer.rate} | trainer.recorder.last_norm,
        best=trainer.judge.best,
        exit_code=trainer.exit_code,
        cause=trainer.ending.cause if trainer.ending is not None else None,
    )


def in_words(error: BaseException) -> str:
    """What went wrong inside a run, in one line."""
    what = "out of memory" if isinstance(error, (MemoryError, torch.OutOfMemoryError)) else type(error).__name__
    lines = str(error).strip().splitlines()
    return f"{what}: {lines[0][:300]}" if lines else what


def broke(trainer: Trainer, kind: str) -> ev.LossBroke:
    """What can still be said of the cause of a loss that is no number."""
    layer, data = trainer.prober.cause()
    return ev.LossBroke(step=trainer.step, kind=kind, layer=layer, data=data)


def not_finite(step: int, kind: str, before: list[float]) -> str:
    """Where the loss stopped being a number, and what it was before."""
    name = "NaN" if kind == "nan" else "infinite"
    trend = f"; the last finite losses were {', '.join(f'{loss:.4g}' for loss in before[-5:])}" if before else ""
    return f"the loss became {name} at step {step}{trend}"
