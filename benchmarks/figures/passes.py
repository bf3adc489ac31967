"""CPU time of the forward and backward pass and of the optimizer step of digits-mlp."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

from benchmarks.figures import Effort
from benchmarks.statistics import Row, ratios, spread

TIMES = 400


def passes(effort: Effort) -> list[Row]:
    """Measure the fast path and autograd alternately on the same batch, in microseconds of CPU time."""
    from tui_trainer.config.preset import load
    from tui_trainer.engine import setup
    from tui_trainer.engine.fast_path import fused_step
    from tui_trainer.engine.fast_path.manual_mlp import FastForwardBackward

    config = load("digits-mlp").first
    built = setup.set_up(config, lambda line: None)
    inputs, targets = next(iter(built.batches.epoch(0)))
    optimizer = setup.optimizer_for(config.optimizer, built.model)
    by_kernels = built.forward_backward
    if not isinstance(by_kernels, FastForwardBackward):
        return [Row("passes of digits-mlp", skipped="torch gives other bits")]
    built.model.train()

    def through_autograd() -> None:
        for parameter in built.parameters:
            parameter.grad = None
        built.objective(built.model(inputs), targets).backward()

    def kernels() -> None:
        by_kernels(inputs, targets)

    kernels()
    step = fused_step.bind_step(optimizer)
    step()
    times: dict[str, list[float]] = {"autograd": [], "kernels": [], "torch": [], "step": []}
    for _ in range(effort.rounds):
        times["autograd"].append(_each(through_autograd))
        times["kernels"].append(_each(kernels))
        times["torch"].append(_each(optimizer.step))
        times["step"].append(_each(step))
    return [
        _row("forward and backward pass of digits-mlp", "autograd", times["kernels"], times["autograd"]),
        _row("step of Adam for digits-mlp", "its own step, fused", times["step"], times["torch"]),
    ]


def _each(call: Callable[[], object]) -> float:
    """Return the microseconds of a call."""
    call()
    began = thread_time()
    for _ in range(TIMES):
        call()
    return (thread_time() - began) / TIMES * 1e6


def _row(name: str, against: str, ours: list[float], theirs: list[float]) -> Row:
    note = f"{spread(ours)[1]:.0f} / {spread(theirs)[1]:.0f} us"
    return Row(name, against, ratios(ours, theirs), target=1.0, comparison="<=", note=note)
