"""Write the journal of a long run within seconds, without training."""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Iterator
from pathlib import Path

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event

METRICS = ("train_loss", "lr", "grad_norm", "train_accuracy", "weight_norm", "update_ratio")
EACH = 150
"""Steps in an event: about a tenth of a second of digits-mlp."""
PACE = 1500.0


def scalars(first: int, last: int, metrics: int, total: int) -> ev.Scalars:
    """Return the event of some steps: noisy falling curves, rounded to float32."""
    steps = list(range(first, last + 1))
    columns = {name: [_float32(_value(step / total, index)) for step in steps] for index, name in enumerate(METRICS)}
    return ev.Scalars(
        step=last,
        steps=steps,
        seconds=[round(step / PACE, 4) for step in steps],
        values={name: columns[name] for name in METRICS[:metrics]},
    )


def _value(share: float, index: int) -> float:
    return math.exp(-3 * share) * (1 + index) + random.gauss(0, 0.05)


def _float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def events(steps: int, metrics: int) -> Iterator[ev.AnyEvent]:
    """Yield the events of a completed run."""
    random.seed(0)
    epochs = max(steps // 1000, 1)
    yield ev.RunStarted(title="synthetic", steps_per_epoch=1000, epochs=epochs, layers=("hidden1", "output"))
    yield ev.StatusChanged(status="running")
    for first in range(1, steps + 1, EACH):
        yield scalars(first, min(first + EACH - 1, steps), metrics, steps)
    yield ev.RunFinished(reason="completed", step=steps, epoch=epochs, seconds=steps / PACE, exit_code=0)


def write(folder: Path, steps: int, metrics: int) -> None:
    """Create a run folder with a journal."""
    folder.mkdir(parents=True)
    with (folder / "events.jsonl").open("wb") as file:
        for seq, event in enumerate(events(steps, metrics), start=1):
            stamp = {"seq": seq, "run": folder.name, "at": "2026-11-24T12:00:00.000Z"}
            file.write(encode_event(event.model_copy(update=stamp)))
