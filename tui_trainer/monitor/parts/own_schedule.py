"""The schedule of a script: its `step` is watched, so that a rate set by hand holds, and its future is sampled."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from types import SimpleNamespace
from typing import Any, cast

from tui_trainer.components.schedulers.base import SampledCurve
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers

MAX_CALLS = 20_000
"""Calls of `step` for which the future of a schedule is sampled at most."""
MAX_SECONDS = 0.3
"""Time that this may take."""


def as_schedulers(given: Any) -> list[Any]:
    """Return the schedulers as a list. Raises `TypeError` for something else."""
    if given is None:
        return []
    several = (
        list(given.values()) if isinstance(given, dict) else list(given) if isinstance(given, Sequence) else [given]
    )
    for scheduler in several:
        if not callable(getattr(scheduler, "step", None)):
            raise TypeError(
                f"Monitor: scheduler is a {type(scheduler).__name__}; give a torch scheduler, or a list of them"
            )
    return several


class OwnSchedule:
    """The schedulers of a script.

    The class of each scheduler is replaced by one of the same name whose `step` is watched: an attribute of the object
    would get into its state dict. A copy or a pickle of it has the class that it had before.

    Args:
        schedulers: those of the script; the first one is sampled.
        optimizers: take the rates.
        called: called after each step of the first one.
    """

    def __init__(self, schedulers: Sequence[Any], optimizers: ScriptOptimizers, called: Callable[[], None]) -> None:
        self.schedulers = list(schedulers)
        self._optimizers = optimizers
        self._called = called
        self.carry: Callable[[dict[str, Any]], dict[str, Any]] = lambda state: state
        """Called with a state that the script saves; returns what it saves."""
        self.arrived: Callable[[Any], None] = lambda scheduler: None
        """Called with a scheduler whose state the script loaded."""
        self._is_own_save = False
        self._classes: list[tuple[Any, type]] = []
        for index, scheduler in enumerate(self.schedulers):
            self._classes.append((scheduler, type(scheduler)))
            scheduler.__class__ = _watched(type(scheduler), self, first=index == 0)

    def around(self, step: Callable[..., Any], first: bool, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call a scheduler's own `step` with the rates that the script itself gave."""
        overlaid = self._optimizers.overlaid
        if overlaid:
            self._optimizers.reclaim()
            self._optimizers.give_own()
        try:
            return step(*arguments, **named)
        finally:
            if overlaid:
                self._optimizers.take_own()
            if first:
                self._called()

    @property
    def unknown(self) -> str:
        """Why the coming rate cannot be drawn; empty if it can."""
        if not self.schedulers:
            return ""
        name = type(self.schedulers[0]).__name__
        return f"{name} follows a metric: its coming rate is not known" if name == "ReduceLROnPlateau" else ""

    def future(self, calls: int) -> list[float]:
        """Return the rates after each of the coming calls of `step`, as far as they can be sampled."""
        if not self.schedulers or self.unknown or calls < 1:
            return []
        scheduler = self.schedulers[0]
        optimizer = getattr(scheduler, "optimizer", None)
        groups = getattr(optimizer, "param_groups", None)
        if not groups:
            return []
        if self._optimizers.overlaid:
            self._optimizers.give_own()
        stand_in = SimpleNamespace(
            param_groups=[
                {key: _number(value) if key != "params" else [] for key, value in group.items()} for group in groups
            ],
            step=_stand_in_step,
            _step_count=1,
            _opt_called=True,
            defaults=dict(getattr(optimizer, "defaults", {})),
        )
        if self._optimizers.overlaid:
            self._optimizers.set_written()
        rates: list[float] = []
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sampled = copy.deepcopy(scheduler, {id(optimizer): stand_in})
                ends = perf_counter() + MAX_SECONDS
                for _ in range(min(calls, MAX_CALLS)):
                    sampled.step()
                    rate = float(stand_in.param_groups[0]["lr"])
                    if not math.isfinite(rate) or rate < 0:
                        break
                    rates.append(rate)
                    if perf_counter() > ends:
                        break
        except Exception:  # noqa: BLE001 - a scheduler of the user's own may fail in any way, as past its end
            pass
        return rates

    def state_dict(self) -> list[Any]:
        """Return the states of the schedulers that have one."""
        self._is_own_save = True
        try:
            return [scheduler.state_dict() if hasattr(scheduler, "state_dict") else {} for scheduler in self.schedulers]
        finally:
            self._is_own_save = False

    def saved(self, state: Any) -> Any:
        """Return the state of a scheduler as it is to be saved, by the script or by its run."""
        return state if self._is_own_save or not isinstance(state, dict) else self.carry(state)

    def load_state_dict(self, states: Sequence[Any]) -> None:
        """Continue from what `state_dict` returned."""
        for scheduler, state in zip(self.schedulers, states, strict=True):
            if state and hasattr(scheduler, "load_state_dict"):
                scheduler.load_state_dict(state)

    def close(self) -> None:
        """Leave the schedulers as they were."""
        for scheduler, own in self._classes:
            scheduler.__class__ = own
        self._classes = []


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "numel", lambda: 2)() == 1 else copy.copy(value)


def _stand_in_step() -> None:
    """Stand in for the step of an optimizer."""


_stand_in_step._wrapped_by_lr_sched = True  # pyright: ignore[reportFunctionMemberAccess]


def _watched(own: type, schedule: OwnSchedule, *, first: bool) -> type:
    """Return a subclass whose `step` and whose states go through a schedule."""

    def step(self: Any, *arguments: Any, **named: Any) -> Any:
        return schedule.around(partial(cast("Any", own).step, self), first, arguments, named)

    def state_dict(self: Any, *arguments: Any, **named: Any) -> Any:
        return schedule.saved(cast("Any", own).state_dict(self, *arguments, **named))

    def load_state_dict(self: Any, *arguments: Any, **named: Any) -> Any:
        result = cast("Any", own).load_state_dict(self, *arguments, **named)
        schedule.arrived(self)
        return result

    def reduce(self: Any, protocol: int) -> Any:
        made: list[Any] = list(super(watched, self).__reduce_ex__(protocol))
        if isinstance(made[1], tuple) and made[1] and made[1][0] is watched:
            made[1] = (own, *made[1][1:])
        return tuple(made)

    members: dict[str, Any] = {"step": step, "__reduce_ex__": reduce, "__module__": own.__module__}
    if hasattr(own, "state_dict") and hasattr(own, "load_state_dict"):
        members |= {"state_dict": state_dict, "load_state_dict": load_state_dict}
    watched = type(own.__name__, (own,), members)
    watched.__qualname__ = own.__qualname__
    watched.__doc__ = own.__doc__
    return watched


class OwnCurve:
    """The rates of a script so far and to come, as the curve of its plan: steps since the plan began, and rates."""

    def __init__(self) -> None:
        self.steps: list[int] = [0]
        self.rates: list[float] = [0.0]

    def restart(self, rate: float) -> None:
        """Begin with this rate, and no known future."""
        self.steps[:], self.rates[:] = [0], [rate]

    def expects(self, step: int) -> float:
        """Return the rate that the curve has at a step."""
        return SampledCurve(self.steps, self.rates).at(step)

    def reaches(self, step: int) -> bool:
        """Return whether a rate is known for a step that is to come."""
        return self.steps[-1] >= step

    def correct(self, step: int, rate: float) -> bool:
        """Make the rate at a step the true one. Returns True if the known future was wrong, and is forgotten."""
        expected = self.expects(step)
        if math.isclose(expected, rate, rel_tol=1e-9, abs_tol=1e-15):
            return False
        keep = sum(1 for each in self.steps if each < step)
        had_future = keep < len(self.steps)
        self.steps[keep:], self.rates[keep:] = [step], [rate]
        if len(self.steps) > MAX_CALLS:  # only the present and what follows is ever asked for
            self.steps[1 : -MAX_CALLS // 2], self.rates[1 : -MAX_CALLS // 2] = [], []
        return had_future

    def foresee(self, step: int, gap: int, rates: Sequence[float]) -> None:
        """Add the rates of the coming calls, the next of which is `gap` steps after `step`."""
        keep = sum(1 for each in self.steps if each <= step)
        self.steps[keep:], self.rates[keep:] = [], []
        self.steps += [step + gap * (index + 1) for index in range(len(rates))]
        self.rates += rates

    @property
    def sampled(self) -> SampledCurve:
        """The curve, which changes with this object."""
        return SampledCurve(self.steps, self.rates)
