"""The numbers of a step on their way from `Monitor.log` to the recorder: copied, combined, and named."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor

from tui_trainer.engine.monitoring.step_log import MAX_NAMES, Scalar
from tui_trainer.state.series_names import AXIS, MAX_NAME
from tui_trainer.text import visible

Reduce = Literal["mean", "sum", "last"]
ROLES: dict[str, str] = {
    "loss": "train_loss",
    "train_loss": "train_loss",
    "train/loss": "train_loss",
    "val_loss": "val_loss",
    "eval_loss": "val_loss",
    "val/loss": "val_loss",
}
"""Names that stand for the training and the validation loss."""
OWN = frozenset({"lr", "seconds", "mean_train_loss"})
"""Names of series that the program records itself."""


def roles_of(chosen: Mapping[str, str] | None) -> dict[str, str]:
    """Return the series of each name with a role. Raises `ValueError` for a role that does not exist.

    Args:
        chosen: the names that the user gives the training and the validation loss, by role.
    """
    roles = dict(ROLES)
    for role, name in (chosen or {}).items():
        if role not in ("train_loss", "val_loss"):
            raise ValueError(f"roles: there is no role {role!r}; use train_loss or val_loss")
        roles[name] = role
    return roles


def name_error(name: object) -> str:
    """Return why a script cannot record a series of this name; empty if it can."""
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME or visible(name) != name:
        return f"{name!r:.60}: a name is printable text of at most {MAX_NAME} characters"
    if "" in name.split("/"):
        return f"{name!r}: has an empty part; write group/name"
    if name in OWN:
        return f"{name!r} is recorded by the program itself; add a group, such as my/{name}"
    return ""


def scalar(name: str, value: Any) -> Scalar:
    """Return a copy of a number: a tensor detached and on its device, so that nothing waits for it.

    What is in the memory of the CPU is read at once: that takes less time than a copy.

    Raises:
        ValueError: the value is not one real number.
    """
    if isinstance(value, Tensor):
        if value.numel() != 1 or value.is_complex():
            raise ValueError(f"{name}: a tensor of shape {list(value.shape)}; log one real number, such as its mean")
        if value.is_cpu:
            return float(value.item())
        copy = value.detach().clone()
        return copy if copy.dim() == 0 else copy.reshape(())
    if isinstance(value, numbers.Real):
        return float(value)
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "size", 1) == 1:
        return float(value)
    raise ValueError(f"{name}: got {type(value).__name__}; log a number or a tensor with one element")


class StepValues:
    """The values that were logged since the last step, and the sums of the columns under `axis/`.

    Args:
        roles: the series of each name with a role.
    """

    def __init__(self, roles: Mapping[str, str]) -> None:
        self.roles = roles
        self._series: dict[str, str] = {}
        """Names that were checked, with the series of each."""
        self._row: dict[str, Scalar] = {}
        """The value of this step so far by series."""
        self.weights: dict[str, float] = {}
        """The weights of the values, by series; those that are 1 are left out."""
        self.weight = 1.0
        """Weight of the training loss of the step that was taken last, in the mean of its epoch."""
        self.counters: dict[str, Scalar] = {}
        """The sum so far of each column."""

    def __bool__(self) -> bool:
        return bool(self._row)

    def series(self, name: str) -> str:
        """Return the series of a name. Raises `ValueError` for one that cannot be recorded."""
        known = self._series.get(name)
        if known is not None:
            return known
        problem = name_error(name)
        if problem:
            raise ValueError(problem)
        if len(self._series) >= MAX_NAMES:
            raise ValueError(f"{name!r} would be one of more than {MAX_NAMES:,} names; use the same at every step")
        self._series[name] = series = self.roles.get(name, name)
        return series

    def add(self, given: Mapping[str, Any], weight: float, reduce: Reduce) -> None:
        """Add values of the present step. Raises `ValueError` for a bad name or value.

        A script calls this at every step: a plain number or scalar tensor takes the shortest way.
        """
        known, row, weights = self._series, self._row, self.weights
        for name, value in given.items():
            series = known.get(name) or self.series(name)
            if type(value) is float:
                copy = value
            elif type(value) is Tensor and value.is_cpu:
                try:
                    copy = value.item()
                except RuntimeError:
                    copy = None  # it has several elements
                if type(copy) is not float:
                    copy = scalar(name, value)
            else:
                copy = scalar(name, value)
            before = row.get(series)
            if before is None or reduce == "last":
                row[series] = copy
            elif reduce == "sum":
                row[series] = before + copy
            else:
                total = weights.get(series, 1.0) + weight
                row[series] = before + (copy - before) * (weight / total if total else 0.5)
                weights[series] = total
                continue
            if weight != 1.0 or weights:
                weights[series] = weight

    def count(self, column: str, amount: Any) -> None:
        """Add to a column that charts can be drawn by."""
        name = column if column.startswith(f"{AXIS}/") else f"{AXIS}/{column}"
        self.series(name)
        self.counters[name] = total = self.counters.get(name, 0.0) + scalar(name, amount)
        self._row[name] = total.clone() if isinstance(total, Tensor) else total

    @property
    def recorded(self) -> set[str]:
        """The series that were logged so far."""
        return set(self._series.values())

    @property
    def so_far(self) -> Mapping[str, Scalar]:
        """The values of the present step so far, by series."""
        return self._row

    def take(self) -> dict[str, Scalar]:
        """Return the numbers of the step by series, and start over."""
        taken, self._row = self._row, {}
        if self.weights:
            self.weight = self.weights.get("train_loss", 1.0) or 1.0
            self.weights = {}
        else:
            self.weight = 1.0
        return taken

    def state_dict(self) -> dict[str, float]:
        """Return the columns as numbers."""
        return {name: float(value) for name, value in self.counters.items()}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue the columns from what `state_dict` returned."""
        self.counters = {name: float(value) for name, value in state.items()}


def as_number(name: str, value: Any) -> float | None:
    """Return a value as a float, None where it is not finite. Waits for a tensor."""
    number = scalar(name, value)
    result = number.item() if isinstance(number, torch.Tensor) else number
    return float(result) if abs(float(result)) < float("inf") else None


def seconds_of_step(steps: int = 100) -> float:
    """Measure how long it takes to log a loss in one step on this machine: too short to be timed in each step."""
    values, loss = StepValues(ROLES), torch.zeros(())
    began = perf_counter()
    for _ in range(steps):
        values.add({"loss": loss}, 1.0, "mean")
        values.take()
    return (perf_counter() - began) / steps
