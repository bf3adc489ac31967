"""The memory of a training beside that of a device."""

from __future__ import annotations

import math

from tui_trainer.components.pictures import Fit, Memory
from tui_trainer.engine.pictures.base import Numbers, PictureResult, PictureSource
from tui_trainer.engine.pictures.memory import MemoryPicture
from tui_trainer.protocol.pictures import Axis, Bars, Group, Rule, rounded

GIGABYTE = 1e9


class FitPicture(PictureSource[Fit]):
    """Gigabytes of each part of a training, and a line for the device.

    Weights, gradients, optimizer state and one batch are those of this run, measured as in the picture `memory`; the
    data are m samples of d numbers, typed or those of the run. `most_samples` and `most_batch` are the largest m and
    the largest batch (with the data left on disk) that still fit.
    """

    def take(self) -> PictureResult:
        setup, choice = self.setup, self.choice
        train = setup.data.train
        samples = choice.samples or len(train)
        numbers = choice.numbers or train.inputs[0].numel()
        width = train.inputs.element_size()
        weights = float(sum(parameter.numel() * parameter.element_size() for parameter in setup.parameters))
        measured = MemoryPicture(Memory(sizes=(1, 2, 4)), self.context).take().numbers
        state = weights * (measured["optimizer_floats_per_parameter"] or 0.0)
        per_sample = measured["bytes_per_sample"] or 0.0
        parts = {
            "weights": weights,
            "gradients": weights,
            "optimizer": state,
            "batch": per_sample * setup.batches.size,
            "data": float(samples) * numbers * width,
        }
        total, room = sum(parts.values()), choice.gigabytes * GIGABYTE
        verdict = "fits" if total <= room else "does not fit"
        drawing = Bars(
            title=f"{samples:,} x {numbers:,}: {total / GIGABYTE:.3g} GB, {verdict}",
            x=Axis(label="GB"),
            y=Axis(log=True),
            labels=(*parts, "all"),
            groups=(Group(name="memory", values=rounded(size / GIGABYTE for size in (*parts.values(), total))),),
            levels=(Rule(at=choice.gigabytes, text=f"device, {choice.gigabytes:g} GB"),),
        )
        fixed = 2 * weights + state
        found: Numbers = {
            "total": total / GIGABYTE,
            "data": parts["data"] / GIGABYTE,
            "fits": float(total <= room),
            "most_samples": _most(room - fixed - parts["batch"], numbers * width),
            "most_batch": _most(room - fixed, per_sample),
        }
        return PictureResult(drawing, found)


def _most(room: float, each: float) -> float | None:
    """Return how many items of a size fit; None if that has no limit."""
    return float(max(math.floor(room / each), 0)) if each else None
