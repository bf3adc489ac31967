"""The calls of `Monitor` that record what is no number, and that declare what can be steered."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tui_trainer.monitor.script_run import ScriptRun


class Declaring(ABC):
    """Texts, pictures, clipping, knobs, actions and what is kept."""

    @abstractmethod
    def _active(self) -> ScriptRun | None:
        """Return the run, None where there is none."""

    @abstractmethod
    def _safely(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Call a part of the monitor; its errors are said, and end nothing."""

    def log_text(self, name: str, text: Any) -> None:
        """Write a text, such as a generated sample, into the log of the run."""
        self._safely(self._record, "text_event", name, text)

    def log_image(self, name: str, image: Any) -> None:
        """Record an image as a picture of the run."""
        self._safely(self._record, "image_event", name, image)

    def log_histogram(self, name: str, values: Any, *, bins: int = 30) -> None:
        """Record how values are spread as a picture of the run."""
        self._safely(self._record, "histogram_event", name, values, bins)

    def log_confusion(self, name: str, matrix: Any, *, labels: Any = None) -> None:
        """Record a confusion matrix, true classes down, as a picture of the run."""
        self._safely(self._record, "confusion_event", name, matrix, labels)

    def _record(self, kind: str, name: str, *given: Any) -> None:
        from tui_trainer.monitor.parts import records

        run = self._active()
        if run is not None:
            run.begin()
            place = (run.state.step,) if kind == "text_event" else (run.state.step, run.state.epoch)
            run.events.publish(getattr(records, kind)(name, *given, *place))

    # -- control ----------------------------------------------------------------------------------------------------

    def clip(self, parameters: Any, max_norm: float | None = None) -> Any:
        """Clip the gradients here, after they are unscaled, at the norm that is set. Returns the norm before.

        Args:
            max_norm: the norm to begin with; without it, nothing is clipped before a command asks for it.
        """
        import torch

        run = self._active()
        if run is None:
            return torch.nn.utils.clip_grad_norm_(parameters, max_norm) if max_norm else None
        from tui_trainer.monitor.declared import clip

        return clip(run, parameters, max_norm)

    def knob(
        self,
        name: str,
        target: Any = None,
        attribute: str = "",
        *,
        get: Callable[[], Any] | None = None,
        set: Callable[[Any], Any] | None = None,
        group: str = "",
        low: float | None = None,
        high: float | None = None,
        scale: Literal["linear", "log"] = "linear",
        choices: Any = (),
        unit: str = "",
        step: float = 0.0,
    ) -> None:
        """Declare a number, a switch or a choice of the script that can be set from the screen.

        Args:
            target, attribute: an object and the name of its attribute, instead of `get` and `set`.
            get, set: read and set the value.
            group: the name of a setting of the parameter groups, such as "weight_decay": all groups are set.
            low, high: the bounds of a number.
            scale: "log" for a number that is moved by factors.
            choices: the values that are allowed.
            unit: of a number.
            step: the amount by which a key moves it.
        """
        run = self._active()
        if run is None:
            return
        bounds = {"low": low, "high": high, "scale": scale, "choices": tuple(choices), "unit": unit, "step": step}
        from tui_trainer.monitor.declared import declare_knob

        self._safely(declare_knob, run, name, target, attribute, get, set, group, bounds)

    def action(self, name: str, run: Callable[[], Any]) -> None:
        """Declare a function of the script that can be called from the screen, between two steps."""
        active = self._active()
        if active is not None:
            from tui_trainer.monitor.declared import declare_action

            self._safely(declare_action, active, name, run)

    def keep(self, **objects: Any) -> None:
        """Save, undo and resume these too: whatever has `state_dict` and `load_state_dict`."""
        run = self._active()
        if run is not None:
            from tui_trainer.monitor.build import keep

            self._safely(keep, run, objects)
