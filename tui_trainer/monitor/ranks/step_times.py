"""The time that a rank waits for the gradients of the others, from hooks: nothing else tells of a user's own loop.

`DistributedDataParallel` waits at the end of the backward pass: from the last gradient of this rank to the step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any

import psutil

from tui_trainer.engine.ranks.beat import Report


class StepTimes:
    """Seconds of work and of waiting since they were last read.

    Args:
        models, optimizers: those of the loop; the first parameter gets its gradient last.
    """

    def __init__(self, models: Iterable[Any], optimizers: Mapping[str, Any]) -> None:
        self._ready = self._waited = 0.0
        self._since, self._step, self._loaded = perf_counter(), 0, 0.0
        self._process = psutil.Process()
        self._handles: list[Any] = []
        first = next((each for model in models for each in model.parameters() if each.requires_grad), None)
        optimizer = next(iter(optimizers.values()), None)
        with contextlib.suppress(RuntimeError, AttributeError, TypeError):
            if first is not None and optimizer is not None:
                self._handles.append(first.register_post_accumulate_grad_hook(self._note))
                self._handles.append(optimizer.register_step_pre_hook(self._steps))

    def _note(self, _parameter: Any) -> None:
        self._ready = perf_counter()

    def _steps(self, *_: Any) -> None:
        if self._ready:
            self._waited += perf_counter() - self._ready
            self._ready = 0.0

    def report(self, step: int, loaded: float, signals: int) -> Report:
        """Return the numbers of this rank since the last report.

        Args:
            step: steps that were taken.
            loaded: seconds in which the loop has waited for its loader.
            signals: signals that came in a pause.
        """
        seconds, waited = perf_counter() - self._since, self._waited
        steps, data = max(step - self._step, 0), loaded - self._loaded
        self._step, self._loaded, self._waited = step, loaded, 0.0
        own = max(seconds - waited - data, 0.0) if steps else 0.0
        memory = self._process.memory_info().rss
        return Report(step, signals, steps, own=own, waited=waited, input=data, memory=memory)

    def begin(self) -> None:
        """Count from here on: a meeting is over, which is no part of a step."""
        self._since = perf_counter()

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
