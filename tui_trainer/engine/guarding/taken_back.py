"""Everything that the passes of one batch change before a weight moves, so that its step can be left."""

from __future__ import annotations

from typing import Any

from tui_trainer.engine import rng
from tui_trainer.engine.monitoring.step_log import StepLog
from tui_trainer.engine.setup import TrainingSetup


class StepBefore:
    """Buffers, generators and the scaler of a run as they are before a batch.

    Args:
        setup: the model, its device and its scaler.
    """

    def __init__(self, setup: TrainingSetup) -> None:
        self._setup = setup
        self._buffers = [(buffer, buffer.clone()) for buffer in setup.model.buffers()]
        self._rng = rng.state_dict(setup.device)
        self._scaler: dict[str, Any] = setup.scaler.state_dict() if setup.scaler is not None else {}

    def restore(self, step_log: StepLog, *, generators: bool) -> None:
        """Go back, and drop gradients and logged numbers of the batch.

        Args:
            generators: whether the batch comes once more, with the same dropout and the same scale of its loss.
        """
        for buffer, values in self._buffers:
            buffer.copy_(values)
        for parameter in self._setup.parameters:
            parameter.grad = None
        if not generators:
            return
        step_log.forget()
        rng.load_state_dict(self._rng, self._setup.device)
        if self._setup.scaler is not None:
            self._setup.scaler.load_state_dict(self._scaler)
