"""The state of one condition: what it has seen, and whether it holds."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Mapping
from typing import Any

from tui_trainer.guards.rule import Compared, Condition, FindingAppears, NoNew, NotFinite, Trend, clock_of_condition
from tui_trainer.guards.vocabulary import COUNTS, Clock, series_of
from tui_trainer.text import exact, number


class ConditionState(ABC):
    """Takes in measurements, one after another, and knows whether its condition holds after the newest.

    Attributes:
        holds: whether it holds.
        said: the newest numbers in words.
    """

    def __init__(self, condition: Condition) -> None:
        self.clock: Clock = clock_of_condition(condition)
        self.holds = False
        self.said = ""

    @abstractmethod
    def take(self, at: Clock, values: Mapping[str, float], findings: frozenset[str] | None) -> bool:
        """Take in what was measured after a step or an epoch. Returns whether any of it was for this condition."""

    def fired(self) -> None:
        """Begin again after a firing."""
        self.holds = False

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Return what it has seen, for JSON."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""


class _OfMetric(ConditionState):
    """A condition on the values of one metric."""

    def __init__(self, condition: NotFinite | Compared | Trend | NoNew) -> None:
        super().__init__(condition)
        self.metric = condition.metric
        self.series = series_of(condition.metric)

    def take(self, at: Clock, values: Mapping[str, float], findings: frozenset[str] | None) -> bool:
        value = values.get(self.series)
        if value is None or (at != self.clock and (self.series == "train_loss" or self.series in COUNTS)):
            return False
        self.holds = self.see(value)
        return True

    @abstractmethod
    def see(self, value: float) -> bool:
        """Take in a value. Returns whether the condition holds."""


class _NotFiniteState(_OfMetric):
    def see(self, value: float) -> bool:
        self.said = f"{self.metric} {number_text(value)}"
        return not math.isfinite(value)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.holds = False


class _Comparison(_OfMetric):
    """Compares with a number, or with a summary of the values before; NaN is above every limit, and below none."""

    def __init__(self, condition: Compared) -> None:
        super().__init__(condition)
        self._condition = condition
        self._row = 0
        self._window: deque[float] = deque()
        self._sorted: list[float] = []

    def see(self, value: float) -> bool:
        condition = self._condition
        limit = self._limit()
        # Read before the value joins them: a spike is compared with what was usual before it.
        if condition.summary and math.isfinite(value):
            self._add(value)
        holds = limit is not None and _compares(value, condition.sign, limit)
        self._row = self._row + 1 if holds else 0
        factor = f"{exact(condition.value)} x " if condition.value != 1 else ""
        of = f", {factor}its {condition.summary} is {number(limit)}" if condition.summary and limit is not None else ""
        self.said = f"{self.metric} {number_text(value)}{of}"
        return self._row >= condition.count

    def _limit(self) -> float | None:
        condition, values = self._condition, self._sorted
        if not condition.summary:
            return condition.value
        if len(values) < condition.of:
            return None
        middle = len(values) // 2
        match condition.summary:
            case "median":
                of = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
            case "mean":
                of = math.fsum(values) / len(values)
            case "lowest":
                of = values[0]
            case _:
                of = values[-1]
        return condition.value * of

    def _add(self, value: float) -> None:
        self._window.append(value)
        insort(self._sorted, value)
        if len(self._window) > self._condition.of:
            del self._sorted[bisect_left(self._sorted, self._window.popleft())]

    def fired(self) -> None:
        super().fired()
        self._row = 0

    def state_dict(self) -> dict[str, Any]:
        return {"row": self._row, "window": list(self._window)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.holds, self._row = False, int(state["row"])
        self._window = deque(float(value) for value in state["window"])
        self._sorted = sorted(self._window)


class _TrendState(_OfMetric):
    """Counts the values in a row that are each above, or below, the one before."""

    def __init__(self, condition: Trend) -> None:
        super().__init__(condition)
        self._rises, self._count = condition.word == "rises", condition.count
        self._row = 0
        self._last: float | None = None
        self._first: float | None = None

    def see(self, value: float) -> bool:
        last = self._last
        moved = last is not None and (_above(value, last) if self._rises else _above(last, value))
        if not moved:
            self._row = 0
        elif self._row == 0:
            self._first = last
        self._row, self._last = self._row + moved, value
        word = "rose" if self._rises else "fell"
        self.said = f"{self.metric} {word} from {number_text(self._first)} to {number_text(value)}" if moved else ""
        return self._row >= self._count

    def fired(self) -> None:
        super().fired()
        self._row = 0

    def state_dict(self) -> dict[str, Any]:
        return {"row": self._row, "last": _coded(self._last), "first": _coded(self._first)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.holds, self._row = False, int(state["row"])
        self._last, self._first = _decoded(state["last"]), _decoded(state["first"])


class _NoNewState(_OfMetric):
    """Counts the values since the lowest, or the highest."""

    def __init__(self, condition: NoNew) -> None:
        super().__init__(condition)
        self._low, self._count = condition.word == "low", condition.count
        self._since = 0
        self._best: float | None = None

    def see(self, value: float) -> bool:
        best = self._best
        better = best is None or (_above(best, value) if self._low else _above(value, best) and math.isfinite(value))
        self._best, self._since = (value, 0) if better else (best, self._since + 1)
        self.said = f"{self.metric} {number_text(value)}, the {'lowest' if self._low else 'highest'} was " + (
            f"{number_text(self._best)}, {self._since} {self.clock[:-1] if self._since == 1 else self.clock} ago"
        )
        return self._since >= self._count

    def fired(self) -> None:
        super().fired()
        self._since = 0

    def state_dict(self) -> dict[str, Any]:
        return {"since": self._since, "best": _coded(self._best)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.holds, self._since, self._best = False, int(state["since"]), _decoded(state["best"])


class _FoundState(ConditionState):
    """Holds once for each time that a finding appears."""

    def __init__(self, condition: FindingAppears) -> None:
        super().__init__(condition)
        self._finding = condition.finding
        self._seen = False

    def take(self, at: Clock, values: Mapping[str, float], findings: frozenset[str] | None) -> bool:
        if findings is None:
            return False
        found = self._finding in findings
        self.holds = found and (self.holds or not self._seen)
        self._seen = found
        self.said = f"finding {self._finding}"
        return True

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self._seen, "holds": self.holds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._seen, self.holds = bool(state["seen"]), bool(state["holds"])


def state_of(condition: Condition) -> ConditionState:
    """Return the state of a condition that has seen nothing yet."""
    match condition:
        case NotFinite():
            return _NotFiniteState(condition)
        case Compared():
            return _Comparison(condition)
        case Trend():
            return _TrendState(condition)
        case NoNew():
            return _NoNewState(condition)
        case FindingAppears():
            return _FoundState(condition)


def number_text(value: float | None) -> str:
    """Return a number in words; NaN and infinity too."""
    if value is None or math.isfinite(value):
        return number(value)
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _above(value: float, other: float) -> bool:
    """Return whether a value is above another; NaN is above all numbers."""
    return not math.isnan(other) and (math.isnan(value) or value > other)


def _compares(value: float, sign: str, limit: float) -> bool:
    if math.isnan(value):
        return sign[0] == ">"
    match sign:
        case ">":
            return value > limit
        case ">=":
            return value >= limit
        case "<":
            return value < limit
        case _:
            return value <= limit


def _coded(value: float | None) -> float | str | None:
    """Return a number for JSON, which has no NaN."""
    return value if value is None or math.isfinite(value) else repr(value)


def _decoded(value: float | str | None) -> float | None:
    return None if value is None else float(value)
