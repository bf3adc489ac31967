"""One batch tried: the change of its loss at some rates, predicted and measured, and the pull of each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tui_trainer.engine.answers.samples import class_name
from tui_trainer.engine.answers.undisturbed import undisturbed
from tui_trainer.engine.checkpointing.snapshot import restore_snapshot
from tui_trainer.engine.loading.stream_batches import StreamBatches
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.steps.accumulated import mean_loss
from tui_trainer.engine.steps.clipping import clip_gradients
from tui_trainer.engine.train_state import TrainState
from tui_trainer.engine.trying.trial import coming_batches, step_function, taken_back, without_stream
from tui_trainer.protocol.race.trial_events import Pull, RateTrial

MOST_SAMPLES = 256
"""Most samples of a batch whose gradients are measured one by one."""
SHOWN = 8
"""Samples that are told."""


@dataclass(slots=True)
class StepTrial:
    """The outcome of a batch that was tried.

    Attributes:
        samples: of the batch.
        loss: before the step.
        grad_norm: norm of its gradient, before clipping.
        rates: one for each rate.
        pulls: the samples that pull hardest, the hardest first.
        median: median norm of the gradients of single samples.
        measured: samples whose gradients were measured.
    """

    samples: int = 0
    loss: float | None = None
    grad_norm: float | None = None
    rates: list[RateTrial] = field(default_factory=list[RateTrial])
    pulls: list[Pull] = field(default_factory=list[Pull])
    median: float | None = None
    measured: int = 0


def try_batch(state: TrainState, services: TrainingServices, rates: Sequence[float]) -> StepTrial:
    """Take the coming batch at each rate and go back; then measure the gradient of each of its samples."""
    found = StepTrial()
    with services.events.muted(), taken_back(state, services) as snapshot:
        inputs, targets = next(coming_batches(services, state.epoch, state.position))
        found.samples = len(inputs)
        kept = without_stream(snapshot)
        for rate in rates:
            restore_snapshot(state, services, kept)
            services.setup.model.train()
            found.rates.append(_at_rate(state, services, rate, inputs, targets, found))
        restore_snapshot(state, services, kept)
        _measure_pulls(state, services, inputs, targets, found)
    return found


def _at_rate(
    state: TrainState, services: TrainingServices, rate: float, inputs: Tensor, targets: Tensor, found: StepTrial
) -> RateTrial:
    setup = services.setup
    parameters = setup.parameters
    weights = [parameter.detach().clone() for parameter in parameters]
    gradients: list[Tensor | None] = []

    def on_gradients(loss: Tensor) -> None:
        gradients[:] = [_dense(parameter.grad) for parameter in parameters]
        found.loss = _finite(loss)
        found.grad_norm = _norm(gradients)
        if state.clip:
            clip_gradients(parameters, state.clip)

    services.optimizer.set_lr(rate)
    try:
        before = float(step_function(services)(inputs, targets, on_gradients).loss)
    except (ArithmeticError, RuntimeError, ValueError):  # such as a factorisation of numbers that overflowed
        return RateTrial(rate=rate)
    moves = [parameter.detach() - weight for parameter, weight in zip(parameters, weights, strict=True)]
    predicted = sum(
        float((gradient.double() * move.double()).sum())
        for gradient, move in zip(gradients, moves, strict=True)
        if gradient is not None
    )
    services.use_rng()  # the same dropout as in the step
    with torch.no_grad(), setup.autocast:
        after = mean_loss(
            lambda part, wanted: setup.objective(setup.plain_forward(part), wanted).detach(),
            inputs,
            targets,
            setup.part_size,
        )
    size = _norm(weights)
    update = _norm(moves)
    return RateTrial(
        rate=rate,
        predicted=_number(predicted),
        measured=_number(float(after) - before),
        update=_number(update / size) if size else None,
    )


def _measure_pulls(
    state: TrainState, services: TrainingServices, inputs: Tensor, targets: Tensor, found: StepTrial
) -> None:
    """Measure the gradient of each sample alone, without dropout and with the running averages of norms."""
    setup, batches = services.setup, services.setup.batches
    if setup.data.shape.task == "minimise":
        return
    parameters = setup.parameters
    pulls: list[Pull] = []
    found.measured = min(len(inputs), MOST_SAMPLES)
    order = batches.order(state.epoch) if not isinstance(batches, StreamBatches) else None
    numbered = order is not None or not isinstance(batches, StreamBatches)
    with undisturbed(setup.model, setup.device), torch.enable_grad():
        for place in range(found.measured):
            with setup.autocast:
                loss = setup.objective(setup.plain_forward(inputs[place : place + 1]), targets[place : place + 1])
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
            at = state.position * batches.size + place
            pulls.append(
                Pull(
                    place=place,
                    index=(int(order[at]) if order is not None else at) if numbered else None,
                    label=_label(services, targets[place]),
                    norm=_number(_norm([_dense(gradient) for gradient in gradients])),
                    loss=_finite(loss),
                )
            )
    norms = sorted(pull.norm for pull in pulls if pull.norm is not None)
    found.median = norms[len(norms) // 2] if norms else None
    found.pulls = sorted(pulls, key=lambda pull: -(math.inf if pull.norm is None else pull.norm))[:SHOWN]


def _label(services: TrainingServices, target: Tensor) -> str:
    data = services.setup.data
    if data.shape.task == "classification":
        return class_name(data, int(target))
    if data.shape.task == "regression" and target.numel() == 1:
        return f"{float(target):.4g}"
    return ""


def _dense(gradient: Tensor | None) -> Tensor | None:
    if gradient is None:
        return None
    return (gradient.to_dense() if gradient.is_sparse else gradient).detach().clone()


def _norm(tensors: Sequence[Tensor | None]) -> float:
    return math.sqrt(sum(float(tensor.double().square().sum()) for tensor in tensors if tensor is not None))


def _finite(value: Tensor) -> float | None:
    return _number(float(value.detach()))


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
