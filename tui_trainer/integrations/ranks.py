"""Processes that train together: they stop at one step, and take it at the rates of the first of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui_trainer.integrations.library_monitor import LibraryMonitor

PATIENCE = timedelta(days=30)
"""Time that the others wait while the first is paused."""
ONE_OF_MANY = "this process is one of {count} that train together: a change in it alone would let them drift apart"
ALONE = ("RollBack", "Undo", "Redo", "SetClip", "SetKnob", "RunAction", "Evaluate")
"""Commands that would change one process alone."""


def process_count() -> int:
    """Return how many processes train together."""
    import torch

    distributed = torch.distributed
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def is_first() -> bool:
    """Return whether this is the process with the run."""
    import torch

    return process_count() == 1 or torch.distributed.get_rank() == 0


class Ranks:
    """The channel by which the first process tells the others, after each step, whether to stop, and its rate.

    Args:
        optimizers, schedulers: those of this process.
    """

    def __init__(self, optimizers: Mapping[str, Any], schedulers: Sequence[Any]) -> None:
        import torch

        from tui_trainer.monitor.carried_rate import take_own
        from tui_trainer.monitor.parts.optimizers import ScriptOptimizers
        from tui_trainer.monitor.parts.own_schedule import OwnSchedule

        self._group: Any = torch.distributed.new_group(backend="gloo", timeout=PATIENCE)
        self._told = torch.zeros(3, dtype=torch.float64)
        self._rates: ScriptOptimizers | None = None
        if not is_first():
            self._rates = rates = ScriptOptimizers(optimizers)
            self._schedule = OwnSchedule(schedulers, rates, lambda: None)
            for scheduler in schedulers:
                take_own(scheduler, rates)

    def agree(self, monitor: LibraryMonitor | None, *, goes_on: bool) -> bool:
        """Return whether all processes go on; those that are not the first take over its rate."""
        import torch

        from tui_trainer.monitor.parts.optimizers import rate_of

        own, told = monitor.rates if monitor is not None else None, self._told
        told[0] = not goes_on
        told[1] = bool(own) and own.overlaid
        told[2] = rate_of(own.groups[0]) if own else 0.0
        torch.distributed.broadcast(told, 0, group=self._group)
        stops, overlaid, rate = told.tolist()
        if self._rates is not None:
            self._rates.overlay(on=bool(overlaid))
            self._rates.set_lr(rate)
        return not stops

    def close(self) -> None:
        """Leave optimizers and schedulers of this process as they were."""
        if self._rates is not None:
            self._schedule.close()
            self._rates.close()
            self._rates = None
