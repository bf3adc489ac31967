"""Events about a run as a whole: its start, status, metrics, loss failure and end."""

from __future__ import annotations

import math
import os
import socket

from torch import Tensor

from tui_trainer.diagnosis.monitor import DiagnosisMonitor
from tui_trainer.engine.evaluation.baselines import baseline_losses
from tui_trainer.engine.events.event_stream import EventStream
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.monitoring.recorder import columns
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import Metrics, TrainState
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand

PREVIEW_POINTS = 2000
"""Points of a sampled schedule that are sent to viewers; a chart has fewer columns."""


def publish_schedule(state: TrainState, services: LoopServices) -> None:
    """Publish the sampled curve of an imported scheduler, so that viewers can draw the coming learning rate."""
    plan = state.plan
    if plan.sampled_curve is not None:
        curve = plan.sampled_curve.thinned(PREVIEW_POINTS)
        services.events.publish(
            ev.SchedulePreview(
                scheduler=plan.scheduler,
                base=plan.base,
                steps=list(curve.steps),
                lr=list(curve.lr),
                step=state.step,
            )
        )


def run_started(state: TrainState, services: TrainingServices, path: str) -> ev.RunStarted:
    """Return the event that describes the run."""
    config, setup, stopping = services.config, services.setup, services.early_stopper.stopping
    data = setup.data
    chance, guessing = baseline_losses(config.loss, setup.objective, data)
    return ev.RunStarted(
        step=state.step,
        title=services.title,
        preset=services.preset,
        config=config.model_dump(mode="json", exclude_none=True),
        path=path,
        device=str(setup.device),
        task=data.shape.task,
        parameters=sum(parameter.numel() for parameter in setup.parameters),
        model=config.model.describe(data.shape, config.loss.outputs(data.shape))
        + (f", {setup.frozen:,} weights frozen" if setup.frozen else ""),
        layers=tuple(name for name, _ in setup.layers),
        scales=tuple(name for name, own in setup.layers if all(parameter.dim() < 2 for parameter in own)),
        data=data.note or config.data.kind,
        references={name: value for name, value in _references(services, guessing).items() if math.isfinite(value)},
        known={name: value for name, value in data.known.items() if math.isfinite(value)},
        chance=chance,
        guessing=guessing,
        train_samples=setup.batches.count,
        validation_samples=len(data.validation),
        batch_size=setup.batches.size,
        steps_per_epoch=services.steps_per_epoch,
        epochs=state.epochs,
        clip_grad_norm=state.clip,
        patience=stopping.patience,
        min_delta=stopping.min_delta,
        early_stopping=stopping.enabled,
        monitor=stopping.monitor,
        metric=_metric(services),
        loss=config.loss.label(),
        precision=config.training.precision,
        plan=state.plan,
        optimizer=services.optimizer.description,
        pid=os.getpid(),
        host=socket.gethostname(),
        color=services.color,
    )


def _metric(services: TrainingServices) -> str:
    """Return the metric of the standard page: one of the user's own that early stopping follows, or the task's."""
    watched = services.early_stopper.stopping.monitor.rpartition("/")[2].removeprefix("val_").removeprefix("train_")
    return watched if watched in (services.config.metrics or {}) else services.metric.name


def _references(services: TrainingServices, guessing: float | None) -> dict[str, float]:
    """Return losses worth a line on the chart: those of the data, and the minimum if it is known and above 0.

    The data's own value of guessing is in nats; it is replaced by the one in the loss of the run, which for a squared
    error or a margin is another number or none.
    """
    known = {name: value for name, value in services.setup.data.references.items() if name != "guessing"}
    known |= {"guessing": guessing} if guessing is not None else {}
    gap = services.optimality.gap
    minimum = {"minimum": gap.minimum} if gap is not None and gap.minimum > 0 else {}
    return {**known, **minimum}


def run_finished(state: TrainState, services: LoopServices, reason: ev.Reason, detail: str) -> ev.RunFinished:
    """Return the event that tells why the run ended, its last numbers, and what is missing on disk."""
    checkpointer = services.checkpointer
    if checkpointer is not None and checkpointer.failing:
        detail += f"; NOT SAVED: {checkpointer.failing}"
    elif checkpointer is not None and checkpointer.gone:
        detail += f"; deleted from disk: checkpoint {', '.join(checkpointer.gone)}"
    stopped = checkpointer is not None and reason in ("stopped", "interrupted")
    return ev.RunFinished(
        reason=reason,
        detail=detail,
        step=state.step,
        epoch=state.epoch,
        seconds=state.seconds,
        metrics=state.last_metrics | state.test_metrics | {"lr": state.lr} | services.recorder.last_norm,
        best=services.early_stopper.best,
        exit_code=state.exit_code,
        cause=state.ending.cause if state.ending is not None else None,
        saved=checkpointer.contents() if checkpointer is not None and stopped else "",
    )


def publish_status(
    state: TrainState,
    services: LoopServices,
    status: ev.Status,
    detail: str = "",
    cause: AnyCommand | None = None,
) -> None:
    """Publish a new status of the run."""
    services.events.publish(
        ev.StatusChanged(status=status, step=state.step, epoch=state.epoch, detail=detail, cause=cause)
    )


def publish_metrics(
    state: TrainState, services: LoopServices, metrics: Metrics, cause: AnyCommand | None = None
) -> None:
    """Publish measurements at this step, outside the end of an epoch."""
    state.last_metrics |= metrics
    publish_columns(state, services, metrics, cause)


def publish_columns(
    state: TrainState, services: LoopServices, metrics: Metrics, cause: AnyCommand | None = None
) -> None:
    """Publish measurements at this step, without making them the newest values of the run's metrics."""
    values = {name: [math.nan if value is None else value] for name, value in metrics.items()}
    services.events.publish(columns(state.step, [state.step], [state.seconds], values, cause))


def loss_broke(state: TrainState, services: LoopServices, kind: str) -> ev.LossBroke:
    """Return the event of a loss that is not finite, with the likely cause."""
    layer, data = services.cause()
    return ev.LossBroke(step=state.step, kind=kind, layer=layer, data=data)


def tensor_broke(state: TrainState, services: LoopServices, name: str, tensor: Tensor) -> ev.LossBroke:
    """Return the event of a tensor of the model or its optimizer that is not finite, while the losses are."""
    layer, data = services.cause()
    kind = "nan" if bool(tensor.isnan().any()) else "inf"
    return ev.LossBroke(step=state.step, kind=kind, what=name, layer=layer, data=data)


def describe_broken_loss(step: int, kind: str, before: list[float]) -> str:
    """Return in words at which step the loss became `kind`, and the last finite losses before it."""
    name = "NaN" if kind == "nan" else "infinite"
    trend = f"; the last finite losses were {', '.join(f'{loss:.4g}' for loss in before[-5:])}" if before else ""
    return f"the loss became {name} at step {step}{trend}"


def describe_broken_tensor(step: int, name: str, tensor: Tensor) -> str:
    """Return in words that numbers which would be saved are no longer finite, and what to do next."""
    kind = "NaN" if bool(tensor.isnan().any()) else "infinite"
    return f"{name} became {kind} by step {step}, and nothing of it was saved: resume from the checkpoint before it"


def publish_numbers(state: TrainState, events: EventStream, numbers: dict[str, float]) -> None:
    """Publish the times and the memory of all ranks."""
    events.publish(columns(state.step, [state.step], [state.seconds], {name: [one] for name, one in numbers.items()}))


def publish_findings(diagnosis: DiagnosisMonitor, events: EventStream, event: ev.AnyEvent) -> None:
    """Publish what the diagnosis finds in an event."""
    for diagnosed in diagnosis.take(event):
        events.publish(diagnosed)
