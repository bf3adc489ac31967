"""Collects what a user's own code logs during a step, without waiting for the device."""

from __future__ import annotations

import contextlib
import numbers
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from tui_trainer.state.series_names import AXIS, name_problem

MAX_NAMES = 20_000
"""Names that a run may log; more are most likely a mistake, such as a step within the name."""

Scalar = float | Tensor


class StepLog:
    """Means of the values that were logged during the present step, and sums of the names under `axis/`.

    Args:
        reserved: groups that the run itself records, such as its validation sets.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._reserved = frozenset(reserved)
        self._known: set[str] = set()
        self._step: dict[str, tuple[Scalar, int]] = {}
        self.counters: dict[str, Scalar] = {}
        """The sum so far of each name under `axis/`."""

    def __call__(self, name: str, value: Any) -> None:
        """Add a value of the present step. Raises `ValueError` for a bad name or value."""
        if name not in self._known:
            self._check(name)
        scalar = _scalar(name, value)
        before = self._step.get(name)
        self._step[name] = (scalar, 1) if before is None else (before[0] + scalar, before[1] + 1)

    def __bool__(self) -> bool:
        return bool(self._step)

    def take(self) -> dict[str, Scalar]:
        """Return the numbers of the step that ended, by name, and start over for the next."""
        taken: dict[str, Scalar] = {}
        for name, (total, count) in self._step.items():
            if name.startswith(f"{AXIS}/"):
                self.count(name, total)
                taken[name] = self.counters[name]
            else:
                taken[name] = total if count == 1 else total / count
        self._step = {}
        return taken

    def forget(self) -> None:
        """Drop the numbers of the present step."""
        self._step = {}

    def count(self, name: str, amount: Scalar) -> Scalar:
        """Add to a counter and return its sum."""
        self.counters[name] = total = self.counters.get(name, 0) + amount
        return total

    def state_dict(self) -> dict[str, float]:
        """Return the counters as numbers; empty for a run without any."""
        return {name: float(value) for name, value in self.counters.items()}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Continue from what `state_dict` returned, at the beginning of a step."""
        self._step = {}
        self.counters = {name: float(value) for name, value in state.items()}

    def _check(self, name: str) -> None:
        problem = name_problem(name, self._reserved)
        if problem:
            raise ValueError(f"tui_trainer.log: {problem}")
        if len(self._known) >= MAX_NAMES:
            raise ValueError(
                f"tui_trainer.log: {name!r} would be one of more than {MAX_NAMES:,} names; "
                "use the same names at every step"
            )
        self._known.add(name)


def read(scalars: list[Scalar]) -> list[float]:
    """Return scalars as numbers, with one transfer for each device and dtype."""
    kinds = set(map(type, scalars))
    if kinds <= {float}:
        return scalars  # pyright: ignore[reportReturnType]
    if kinds == {Tensor} and len({scalar.dtype for scalar in scalars}) == 1:  # pyright: ignore[reportAttributeAccessIssue]
        with contextlib.suppress(RuntimeError):  # they are on several devices
            return torch.stack(scalars).tolist()  # pyright: ignore[reportArgumentType]
    result = [0.0] * len(scalars)
    stacks: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for index, scalar in enumerate(scalars):
        if isinstance(scalar, Tensor):
            stacks.setdefault((scalar.device, scalar.dtype), []).append(index)
        else:
            result[index] = float(scalar)
    for indices in stacks.values():
        column = torch.stack([scalars[index] for index in indices]).tolist()  # pyright: ignore[reportArgumentType]
        for index, value in zip(indices, column, strict=True):
            result[index] = float(value)
    return result


def _scalar(name: str, value: Any) -> Scalar:
    """Return a copy of a tensor's value, detached and on its device; other numbers as they are."""
    if isinstance(value, Tensor):
        if value.numel() != 1 or value.is_complex():
            raise ValueError(
                f"tui_trainer.log: {name!r} got a tensor of shape {list(value.shape)}; "
                "log one real number, such as its mean"
            )
        return value.detach().reshape(()).clone()
    if isinstance(value, numbers.Real):
        return float(value)
    raise ValueError(f"tui_trainer.log: {name!r} got {type(value).__name__}; log a number or a tensor")
