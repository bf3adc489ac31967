"""The lowest validation losses of trainings, kept in a file: a measurement that was interrupted goes on."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

from tui_trainer.config.run_config import RunConfig
from tui_trainer.errors import UserError
from tui_trainer.lecture.training_cache import TrainingCache


@dataclass(slots=True)
class KeptTrainings:
    """Trains each configuration once; later calls, and later processes, read its lowest validation loss.

    Attributes:
        file: one line of JSON for each training; None keeps nothing.
        name: stands in each line, for those who read the file.
        seconds: CPU time of the trainings that were asked for, kept ones too.
    """

    file: Path | None
    name: str
    seconds: float = 0.0

    def lowest(self, config: RunConfig, rate: float) -> float:
        """Return the lowest validation loss of a run at a rate; infinite where there is none."""
        given = config.model_copy(update={"optimizer": config.optimizer.model_copy(update={"lr": rate})})
        key = hashlib.sha256(given.model_dump_json().encode()).hexdigest()[:16]
        found = self._lines().get(key)
        if found is None:
            began = process_time()
            loss = _trained(given, rate)
            found = {"key": key, "name": self.name, "rate": rate, "lowest": loss, "seconds": process_time() - began}
            self._append(found)
        self.seconds += found["seconds"]
        return math.inf if found["lowest"] is None else found["lowest"]

    def _lines(self) -> dict[str, dict[str, Any]]:
        if self.file is None or not self.file.exists():
            return {}
        lines = self.file.read_text(encoding="utf-8").splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("}\n")]
        return {one["key"]: one for one in found}

    def _append(self, line: dict[str, Any]) -> None:
        if self.file is None:
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:  # one write at the end of the file: lines of several processes do not mix
            os.write(handle, (json.dumps(line) + "\n").encode())
        finally:
            os.close(handle)


def _trained(config: RunConfig, rate: float) -> float | None:
    """Train, and return the lowest validation loss; None where no one is finite."""
    try:
        trained = TrainingCache(config.training.seed).train(config, f"rate {rate:g}")
    except UserError:
        return None
    losses = [event.metrics.get("val_loss") for event in trained.epochs]
    return min((loss for loss in losses if loss is not None), default=None)
