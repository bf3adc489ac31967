"""The time that a rank waits for the gradients of the others, from hooks: nothing else tells of a user's own loop.

`DistributedDataParallel` waits at the end of the backward pass: from the last gradient of this rank to the step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from time import perf_counter
from typing import Any


class StepTimes:
    """Seconds of work and of waiting since they were last read.

    Args:
        models, optimizers: those of the loop; the first parameter gets its gradient last.
    """

    def __init__(self, models: Iterable[Any], optimizers: Mapping[str, Any]) -> None:
        self._ready = self._waited = 0.0
        self._since = perf_counter()
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

    def take(self) -> tuple[float, float]:
        """Return the seconds since the last call, and those of waiting among them."""
        now = perf_counter()
        taken = now - self._since, self._waited
        self._since, self._waited = now, 0.0
        return taken

    def close(self) -> None:
        """Remove the hooks."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
