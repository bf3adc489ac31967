"""A monitor in the loop of a library, which says where steps, batches and epochs begin and end."""

from __future__ import annotations

import atexit
import sys
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tui_trainer.monitor.monitor import Monitor

if TYPE_CHECKING:
    from tui_trainer.monitor.parts.optimizers import ScriptOptimizers


class LibraryMonitor(Monitor):
    """A monitor that is driven from outside its loop.

    Args:
        name: of the run.
        options: further arguments of `Monitor`.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        atexit.register(_close_after_error, weakref.ref(self))

    def begin(
        self, *, epochs: int, per_epoch: int, step: int, epoch: int, clip: float | None, refused: Mapping[str, str]
    ) -> None:
        """Begin the run at a step of the library's own count.

        Args:
            epochs, per_epoch: the planned epochs and the steps of each; 0 where that is not known.
            clip: the norm at which the library clips gradients, 0 for none; None where it cannot be set.
            refused: commands that the loop cannot carry out, each with the reason.
        """
        self._safely(self._begin, epochs, per_epoch, step, epoch, clip, refused)

    def _begin(
        self, epochs: int, per_epoch: int, step: int, epoch: int, clip: float | None, refused: Mapping[str, str]
    ) -> None:
        run = self._run
        if run is None:
            return
        state, services = run.state, run.services
        services.has_boundaries, services.counts_epochs = True, epochs > 0
        services.further |= refused
        run.length.planned(epochs or None, per_epoch or None)
        if step:
            state.step = step
            state.epoch = epoch
            run.length.resumed()
        if clip is not None:
            services.clips, state.clip, services.script_clip = True, clip, clip
        run.begin()
        self.settle()

    def refuse(self, commands: Iterable[str], reason: str) -> None:
        """Have these commands refused from now on; an empty reason allows them again."""
        self._safely(self._refuse, commands, reason)

    def _refuse(self, commands: Iterable[str], reason: str) -> None:
        run = self._run
        if run is None:
            return
        before = dict(run.services.further)
        for command in commands:
            if reason:
                run.services.further[command] = reason
            else:
                run.services.further.pop(command, None)
        if run.services.further != before:
            run.tell_capabilities()

    def batch_begins(self) -> None:
        """Take in that gradients may be half accumulated until the next step."""
        run = self._run
        if run is not None:
            run.clean = False
            run.state.position += 1
            if not run.services.optimizer.hooked:
                self._safely(run.note_rates)

    def count_step(self) -> None:
        """Count a step here, where no hook of the optimizer has counted it: before its schedule makes its step."""
        run = self._run
        if run is not None and not run.services.optimizer.hooked:
            self._safely(run.count_explicitly)

    def gradients_ready(self, optimizer: Any) -> None:
        """Have guards look at the gradients of the coming step, in a library whose steps are given closures."""
        run = self._run
        if run is not None:
            run.before_step.by_library = True
            if optimizer is next(iter(run.services.optimizer.named.values()), None):
                run.before_step.look(optimizer)

    def boundary(self) -> bool:
        """Let commands take effect, after a step. Returns False where the loop is to stop now."""
        run = self._run
        return run is None or self._goes_on(run)

    def log_late(self, values: Mapping[str, Any]) -> None:
        """Log numbers of the last step, after its boundary."""
        self.log(values, reduce="last")
        run = self._run
        if run is not None and run.clean and run.has_values:
            self._safely(run.record)

    def end_epoch(self, metrics: Mapping[str, Any], *, on_all: bool = True) -> None:
        """End an epoch with its metrics, and save it if that is due.

        Args:
            on_all: whether every process calls this at the same step.
        """
        run = self._run
        if run is not None and on_all:
            self._safely(run.agree)  # the values of all processes are in the mean of the epoch
        self.log_epoch(metrics)
        if run is not None and on_all:
            self._safely(run.agree)
        if run is not None and run.services.counts_epochs:
            self._safely(run.save_epoch)

    def settle(self) -> None:
        """Apply the rate in force to the coming step, where it is not that of the library."""
        run = self._run
        if run is not None:
            self._safely(run.length.step_taken)

    @property
    def epoch(self) -> int:
        """Epochs that have ended."""
        return self._run.state.epoch if self._run is not None else 0

    @property
    def planned_epochs(self) -> int:
        """Epochs after which the run is complete, as they were last set; 0 without a run."""
        return self._run.state.epochs if self._run is not None else 0

    @property
    def clip_norm(self) -> float:
        """The norm at which gradients are to be clipped; 0 for none."""
        return self._run.state.clip if self._run is not None else 0.0

    @property
    def rates(self) -> ScriptOptimizers | None:
        """The rates of the optimizers, which may have been set by hand."""
        return self._run.services.optimizer if self._run is not None else None

    def end(self, error: BaseException | None = None) -> None:
        """End the run; an error is its reason."""
        self._close(error)


def _close_after_error(monitor: weakref.ref[LibraryMonitor]) -> None:
    """Close a run that is open when the process ends: an error that nothing caught is its reason."""
    alive = monitor()
    if alive is not None:
        error: Any = getattr(sys, "last_value", None)
        alive.end(error)


Declare = Callable[[Monitor], Any]
"""A function that declares knobs, actions and what is kept, once the monitor is made."""
