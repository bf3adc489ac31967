"""The training loop of a library, as its callback reports it: a monitor in each process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tui_trainer.errors import did_you_mean
from tui_trainer.integrations.library_monitor import Declare, LibraryMonitor

OPTIONS = (
    "config", "best", "patience", "roles", "save", "keep_last", "undo_limit", "guards", "runs_dir", "quiet", "enabled",
)  # fmt: skip
"""Arguments of `Monitor` that a callback takes too."""
STOPS = ("Stop",)


def check_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a callback. Raises `TypeError` for one that `Monitor` does not have."""
    for name in given:
        if name not in OPTIONS:
            raise TypeError(f"there is no option {name!r}; {did_you_mean(name, OPTIONS)}")
    return dict(given)


def unwrapped(given: Any, attribute: str) -> Any:
    """Return the object in a wrapper that keeps it under this name, such as an optimizer of accelerate."""
    while given is not None and hasattr(given, attribute) and getattr(given, attribute) is not given:
        given = getattr(given, attribute)
    return given


class LibraryLoop:
    """A training of a library, from its first step to its end.

    Args:
        name: of the run.
        options: further arguments of `Monitor`.
        declare: declares knobs, actions and what is kept, once the monitor is made.
    """

    def __init__(self, name: str, options: Mapping[str, Any], declare: Declare | None) -> None:
        self._name, self._options, self._declare = name, check_options(options), declare
        self.monitor: LibraryMonitor | None = None
        """The monitor of this training; None before it begins. Each of several processes has one."""
        self.runs = False
        """Whether a training is on its way."""

    def begin(
        self,
        *,
        model: Any,
        optimizer: Any,
        scheduler: Any = None,
        config: Any = None,
        evaluate: Callable[[], Any] | None = None,
        epochs: int = 0,
        per_epoch: int = 0,
        step: int = 0,
        epoch: int = 0,
        clip: float | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        """Begin a training; the arguments are those of `Monitor` and of `LibraryMonitor.begin`."""
        self.end()
        self.runs = True
        options = {"config": config, "evaluate": evaluate, **self._options}
        self.monitor = monitor = LibraryMonitor(
            self._name, model=model, optimizer=optimizer, scheduler=scheduler, **options
        )
        if self._declare is not None:
            self._declare(monitor)
        monitor.begin(epochs=epochs, per_epoch=per_epoch, step=step, epoch=epoch, clip=clip, refused=refused or {})

    def boundary(self) -> bool:
        """Let commands take effect, after a step. Returns False where every process is to stop now."""
        return self.monitor is None or self.monitor.boundary()

    def end(self, error: BaseException | None = None) -> None:
        """End the training."""
        self.runs = False
        if self.monitor is not None:
            self.monitor.end(error)
            self.monitor = None
