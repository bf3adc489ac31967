"""The coming step of a script's own loop, tried at a few rates: its loss before, and after it on the same batches."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor

from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.trying.try_step import rates_to_try
from tui_trainer.monitor.trying.batch_store import END
from tui_trainer.monitor.trying.lane import Trial
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.race.trial_events import RateTrial

NO_PULLS = "which samples pull hardest is not known: the script computes its own loss"


def try_step(trial: Trial, command: cmd.TryStep) -> Generator[Any, None, ev.StepTried]:
    """Let the loop take its coming step at each rate, and once more on the same batches. Returns what was measured."""
    first = trial.store.at(0)
    if first is END:
        raise Refusal("no batch of this epoch is left to try: take the next step, then ask again")
    found: list[RateTrial] = []
    gradients = _Gradients(trial)
    losses: list[float] = []
    try:
        for rate in rates_to_try(command, trial.lr):
            tried = yield from _at_rate(trial, rate, gradients, losses)
            found.append(tried)
    finally:
        gradients.close()
    trial.end()
    return ev.StepTried(
        samples=_samples(first),
        loss=losses[0] if losses else None,
        grad_norm=gradients.norm,
        lr=trial.lr,
        rates=found,
        note="; ".join(filter(None, (NO_PULLS, trial.warning))),
        step=trial.run.state.step,
        cause=command,
    )


def _at_rate(trial: Trial, rate: float, gradients: _Gradients, losses: list[float]) -> Generator[Any, None, RateTrial]:
    optimizer = trial.run.services.optimizer
    trial.put_back()
    gradients.begin()
    with trial.run.events.muted():
        optimizer.overlay(on=True)
    lane = yield from trial.lane(1, before=lambda _step: optimizer.set_lr(rate))
    if lane.interrupted:
        raise Refusal("the trial was cut short by a pause or a stop; the run is as it was")
    if not lane.losses:
        return RateTrial(rate=rate)
    losses.append(lane.losses[0])
    predicted, update = gradients.measure()
    trial.rewind_random()
    again = yield from trial.lane(1, before=lambda _step: optimizer.set_lr(rate))
    after = again.losses[0] if again.losses else None
    measured = after - lane.losses[0] if after is not None else None
    return RateTrial(rate=rate, predicted=predicted, measured=measured, update=update)


def _samples(batch: Any) -> int:
    """Return the samples of a batch: the length of its first tensor."""
    if isinstance(batch, Tensor):
        return len(batch) if batch.dim() else 1
    values = batch.values() if isinstance(batch, dict) else batch if isinstance(batch, (list, tuple)) else ()
    return next((count for value in values if (count := _samples(value))), 0)


class _Gradients:
    """The gradients and the weights with which the optimizers take their first step of a lane."""

    def __init__(self, trial: Trial) -> None:
        self._run = trial.run
        self.norm: float | None = None
        """Norm of the gradient, before clipping."""
        self._seen: dict[int, tuple[Tensor, Tensor, Tensor | None]] = {}
        self._handles = [
            optimizer.register_step_pre_hook(self._step)
            for optimizer in trial.run.services.optimizer.named.values()
            if callable(getattr(optimizer, "register_step_pre_hook", None))
        ]

    def begin(self) -> None:
        """Begin with no step."""
        self._seen = {}
        self._run.services.clipped_norm = None

    def _step(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        for group in optimizer.param_groups:
            for each in group["params"]:
                if id(each) not in self._seen:
                    grad = None if each.grad is None else each.grad.detach().clone()
                    self._seen[id(each)] = (each, each.detach().clone(), grad)

    def measure(self) -> tuple[float | None, float | None]:
        """Return the change of the loss that the gradient predicts, and the size of the update over the weights'."""
        seen = list(self._seen.values())
        norm = _norm([grad for _, _, grad in seen if grad is not None])
        clipped, clip = self._run.services.clipped_norm, self._run.state.clip
        factor = max(float(clipped) / clip, 1.0) if clipped is not None and clip else 1.0
        self.norm = _number(norm * factor)
        predicted = sum(
            float((grad.to_dense().double() * (each.detach() - weight).double()).sum())
            for each, weight, grad in seen
            if grad is not None
        )
        weights = _norm([weight for _, weight, _ in seen])
        update = _norm([each.detach() - weight for each, weight, _ in seen])
        return _number(predicted * factor), _number(update / weights) if weights else None

    def close(self) -> None:
        """Look no more."""
        for handle in self._handles:
            handle.remove()


def _norm(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(tensor.to_dense().double().square().sum()) for tensor in tensors))


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
