"""What a step is made of: the passes of digits-mlp through autograd, kernel by kernel, and the optimizer's part."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

from benchmarks.figures import Effort
from benchmarks.statistics import Row, ratios, spread

TIMES = 400


def passes(effort: Effort) -> list[Row]:
    """In this process, in turns, on the same batch; microseconds of its thread."""
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
    found: dict[str, list[float]] = {"autograd": [], "kernels": [], "torch": [], "step": []}
    for _ in range(effort.rounds):
        found["autograd"].append(_each(through_autograd))
        found["kernels"].append(_each(kernels))
        found["torch"].append(_each(optimizer.step))
        found["step"].append(_each(step))
    return [
        _row("forward and backward pass of digits-mlp", "autograd", found["kernels"], found["autograd"]),
        _row("step of Adam for digits-mlp", "its own step, fused", found["step"], found["torch"]),
    ]


def _each(call: Callable[[], object]) -> float:
    """Microseconds of a call."""
    call()
    began = thread_time()
    for _ in range(TIMES):
        call()
    return (thread_time() - began) / TIMES * 1e6


def _row(name: str, against: str, ours: list[float], theirs: list[float]) -> Row:
    note = f"{spread(ours)[1]:.0f} / {spread(theirs)[1]:.0f} us"
    return Row(name, against, ratios(ours, theirs), reach=1.0, way="<=", note=note)
