"""The values of a step of each rank, and how rank 0 makes one row of those of all.

A mean is weighted by `weight=` of each rank, a sum and the columns under `axis/` are added up, and of `reduce="last"`
the value of rank 0 stays. What only some ranks log is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.engine.monitoring.step_log import Scalar, read
from tui_trainer.monitor.parts.values import Reduce, StepValues
from tui_trainer.state.series_names import AXIS

LOSS = "train_loss"


@dataclass(slots=True)
class Row:
    """The logged numbers of one step on one rank.

    Attributes:
        step: the step.
        numbers: the values by series; rank 0 has other series in it too, which are its own.
        names: the series that were logged.
        weights: their weights, where they are not 1.
    """

    step: int
    numbers: dict[str, Scalar]
    names: list[str]
    weights: dict[str, float] = field(default_factory=dict[str, float])


class SharedValues(StepValues):
    """Values of a step that are combined with those of other ranks.

    Args:
        roles: the series of each name with a role.
    """

    def __init__(self, roles: Mapping[str, str]) -> None:
        super().__init__(roles)
        self.kinds: dict[str, str] = {}
        """Reductions of series that are not combined by their mean, by name."""
        self.rows: list[Row] = []
        """Steps that were not combined yet."""

    def add(self, given: Mapping[str, Any], weight: float, reduce: Reduce) -> None:
        """Add values of the present step. Raises `ValueError` for a bad name or value."""
        super().add(given, weight, reduce)
        if reduce != "mean":
            self.kinds.update((self.series(name), reduce) for name in given)

    def take_row(self, step: int) -> Row:
        """Return the numbers of the step, and start over."""
        weights = self.weights
        numbers = self.take()
        row = Row(step, numbers, list(numbers), weights)
        self.rows.append(row)
        return row

    def pack(self, notes: Sequence[Mapping[str, str]]) -> bytes:
        """Return the rows that were not combined yet as a message, and start over.

        Args:
            notes: what rank 0 has to be told besides.
        """
        rows, self.rows = self.rows, []
        scalars = read([row.numbers[name] for row in rows for name in row.names])
        numbers = iter(scalars)
        packed = [[row.step, {name: next(numbers) for name in row.names}, row.weights] for row in rows]
        return json.dumps({"rows": packed, "kinds": self.kinds, "notes": list(notes)}).encode()

    def combine(self, messages: Sequence[bytes]) -> dict[int, float]:
        """Put the values of all ranks into the rows of this one. Returns the weight of the loss by step.

        Args:
            messages: what `pack` returned on the other ranks, in their order.
        """
        rows, self.rows = self.rows, []
        numbers = iter(read([row.numbers[name] for row in rows for name in row.names]))
        for row in rows:
            row.numbers.update({name: next(numbers) for name in row.names})
        others: list[dict[int, tuple[dict[str, float], dict[str, float]]]] = []
        kinds = dict(self.kinds)
        for message in messages:
            told: dict[str, Any] = json.loads(message) if message else {"rows": [], "kinds": {}}
            kinds = told["kinds"] | kinds
            others.append({step: (values, weights) for step, values, weights in told["rows"]})
        return {row.step: _combined(row, others, kinds) for row in rows}


def mean_of(present: Sequence[tuple[float, float]]) -> float:
    """Return the mean of values with their weights; the first value where no weight counts."""
    weight = sum(each for _, each in present)
    return sum(value * each for value, each in present) / weight if weight else present[0][0]


def _combined(
    row: Row, others: Sequence[Mapping[int, tuple[dict[str, float], dict[str, float]]]], kinds: Mapping[str, str]
) -> float:
    """Combine one step. Returns the weight of its loss."""
    found = [({name: float(row.numbers[name]) for name in row.names}, row.weights)]
    found += [other[row.step] for other in others if row.step in other]
    total = 1.0
    for name in dict.fromkeys(name for values, _ in found for name in values):
        present = [(values[name], weights.get(name, 1.0)) for values, weights in found if name in values]
        kind = "sum" if name.startswith(f"{AXIS}/") else kinds.get(name, "mean")
        if kind == "last":
            row.numbers[name] = present[0][0]
        elif kind == "sum":
            row.numbers[name] = sum(value for value, _ in present)
        else:
            row.numbers[name] = mean_of(present)
            if name == LOSS:
                total = sum(each for _, each in present)
    return total
