"""A tracker for loops with Hugging Face accelerate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tui_trainer.integrations.installed import required
from tui_trainer.integrations.library_loop import STOPS, LibraryLoop, unwrapped
from tui_trainer.integrations.library_monitor import Declare, LibraryMonitor
from tui_trainer.integrations.ranks import process_count

_tracking: Any = required("accelerate", "accelerate.tracking")
_state: Any = required("accelerate", "accelerate.state")
_Tracker: Any = _tracking.GeneralTracker

REFUSED = {
    "SetOptimizer": "the script makes its own optimizer",
    "SetEpochs": "the script counts its epochs itself",
    "SetClip": "the script clips with accelerator.clip_grad_norm_; declare a knob for its norm",
    "ShowAnswers": "the script knows its data; declare an action that logs what its model answers",
}
NOT_ASKED = "the loop does not ask tracker.should_stop"
_VALIDATION = re.compile(r"^(val|valid|validation|eval)([_/. -]|$)")


class MonitorTracker(_Tracker):
    """Watch and steer a loop with an `Accelerator(log_with=tracker)`.

    `watch` hands over model and optimizer, `accelerator.log` records, and `should_stop`, asked after each step, is
    where commands take effect.

    Args:
        run: the name of the run.
        declare: called with the monitor once it is made, to declare knobs, actions and what is kept.
        options: arguments of `Monitor`: runs_dir, save, best, patience, config, quiet and others.
    """

    name = "tui_trainer"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self, run: str = "accelerate", *, declare: Declare | None = None, **options: Any) -> None:
        super().__init__()
        self._loop = LibraryLoop(run, options, declare)
        self._parts: dict[str, Any] | None = None
        self._config: dict[str, Any] | None = None
        self._asked = self._stops = False
        self._forward: Any = None
        """The hook with which the run begins at the first forward pass."""

    @property
    def tracker(self) -> LibraryMonitor | None:
        """The monitor, as `accelerator.get_tracker("tui_trainer", unwrap=True)` returns it."""
        return self._loop.monitor

    @property
    def monitor(self) -> LibraryMonitor | None:
        """The monitor of the training; None before it begins. Each of several processes has one."""
        return self._loop.monitor

    def watch(
        self,
        *,
        model: Any = None,
        optimizer: Any = None,
        scheduler: Any = None,
        evaluate: Callable[[], Any] | None = None,
        epochs: int = 0,
        steps_per_epoch: int = 0,
    ) -> None:
        """Hand over what is trained, before `init_trackers`, prepared by the accelerator or not.

        Args:
            evaluate: measures the validation data; returns a loss, or metrics by name.
            epochs, steps_per_epoch: the planned length, where it is known.
        """
        self._parts = {
            "model": unwrapped(model, "module"),
            "optimizer": unwrapped(optimizer, "optimizer"),
            "scheduler": unwrapped(scheduler, "scheduler"),
            "evaluate": evaluate,
            "epochs": epochs,
            "per_epoch": steps_per_epoch,
        }
        self._forget_forward()
        register = getattr(self._parts["model"], "register_forward_pre_hook", None)
        if callable(register):
            self._forward = register(self._at_forward)

    def _at_forward(self, *_: Any) -> None:
        self._begin()

    def _forget_forward(self) -> None:
        if self._forward is not None:
            self._forward.remove()
            self._forward = None

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Keep the configuration for run.toml."""
        self._config = dict(values)

    def _begin(self) -> None:
        """Begin the run, at the first forward pass, log or question."""
        if self._loop.runs:
            return
        self._forget_forward()
        parts = self._parts or {"model": None, "optimizer": None}
        unasked = STOPS if process_count() == 1 else (*STOPS, "Pause", "StepOnce", "SetLearningRate", "SetScheduler")
        self._loop.begin(config=self._config, refused=REFUSED | dict.fromkeys(unasked, NOT_ASKED), **parts)

    def log(self, values: Mapping[str, Any], step: int | None = None, **named: Any) -> None:
        """Record numbers of this step; a validation loss among them ends an epoch."""
        self._begin()
        monitor = self.monitor
        if monitor is None:
            return
        numbers = {name: value for name, value in values.items() if not isinstance(value, (str, bytes, dict, list))}
        measured = {name: value for name, value in numbers.items() if _VALIDATION.match(name)}
        monitor.log({name: value for name, value in numbers.items() if name not in measured})
        if not self._asked and process_count() == 1 and self._is_whole:
            monitor.boundary()
        if measured:
            monitor.end_epoch(measured, on_all=False)

    @property
    def _is_whole(self) -> bool:
        """Whether no gradients are half accumulated."""
        return bool(_state.GradientState().sync_gradients)

    @property
    def should_stop(self) -> bool:
        """Whether the run was asked to stop; commands take effect here. Ask it in each process, after each step."""
        self._begin()
        if not self._asked:
            self._asked = True
            if self.monitor is not None:
                unasked = (*STOPS, "Pause", "StepOnce", "SetLearningRate", "SetScheduler")
                self.monitor.refuse(unasked, "")
        if self._is_whole and not self._stops:
            self._stops = not self._loop.boundary()
        return self._stops

    def finish(self) -> None:
        """End the run."""
        self._forget_forward()
        self._loop.end()
        self._asked = self._stops = False
