"""Gradient norms of mini-batches and of all samples."""

from __future__ import annotations

from itertools import islice
from statistics import median
from typing import Any

from tui_trainer.components.pictures import GradientNorms
from tui_trainer.data.types import Split
from tui_trainer.engine.monitoring import model_inspection
from tui_trainer.engine.pictures.base import Numbers, PictureContext, PictureResult, PictureSource
from tui_trainer.protocol.pictures import Axis, Line, Lines, rounded


class GradientNormsPicture(PictureSource[GradientNorms]):
    """At the same weights: the median and the least norm over mini-batches of the next epoch, and the full norm."""

    def __init__(self, choice: GradientNorms, context: PictureContext) -> None:
        super().__init__(choice, context)
        self._rows: list[tuple[float, float, float, float]] = []

    def take(self) -> PictureResult:
        state, setup = self.state, self.setup
        coming = islice(setup.batches.epoch(state.epoch), self.choice.batches)
        norms = [model_inspection.norm(model_inspection.gradient(setup, Split(*batch))) for batch in coming]
        full = model_inspection.norm(model_inspection.gradient(setup, setup.data.train))
        self._rows = [row for row in self._rows if row[0] < state.epoch]
        self._rows.append((float(state.epoch), median(norms), min(norms), full))
        return PictureResult(self._drawing(), self._numbers())

    def _drawing(self) -> Lines:
        epochs = rounded((row[0] for row in self._rows), 7)
        lines = tuple(
            Line(name=name, x=epochs, y=rounded(row[column] for row in self._rows), dotted=column == 2)
            for column, name in ((1, "mini-batch"), (2, "least mini-batch"), (3, "all samples"))
        )
        return Lines(title="gradient norms", x=Axis(label="epoch"), y=Axis(low=0), lines=lines)

    def _numbers(self) -> Numbers:
        first, last = self._rows[0], self._rows[-1]
        return {
            "mini_first": first[1],
            "mini_last": last[1],
            "mini_share": last[1] / first[1] if first[1] else None,
            "mini_least": last[2],
            "full_first": first[3],
            "full_last": last[3],
        }

    def state_dict(self) -> Any:
        return self._rows

    def load_state_dict(self, state: Any) -> None:
        self._rows = [(row[0], row[1], row[2], row[3]) for row in state]
