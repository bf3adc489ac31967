"""The moment before a step of a script's optimizer: gradient norms for guards, and gradients that are taken away.

A torch optimizer leaves out a parameter without a gradient: neither the parameter nor its state changes. So a step is
skipped by taking all gradients away before it; after it they are given back, as the script may look at them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from tui_trainer.engine.commands.handlers import apply_command
from tui_trainer.engine.guarding.firing import asks_to_skip
from tui_trainer.engine.monitoring.layer_stats import gradients_of, measured_norm_of
from tui_trainer.engine.train_state import TrainState
from tui_trainer.guards.vocabulary import COUNTS, series_of
from tui_trainer.monitor.services import ScriptServices
from tui_trainer.protocol.commands import GUARD, SkipStep

CLOSURE = "optimizer.step is given a closure, which computes the gradients in the step: none is skipped"


class BeforeStep:
    """Looks at the gradients of a step before it is taken, while a guard or a command asks for that.

    Args:
        state, services: those of the run.
        flush: publishes what was measured so far.
        agree: returns the numbers by which all processes of the run decide; None where they decide no more.
    """

    def __init__(
        self,
        state: TrainState,
        services: ScriptServices,
        flush: Callable[[], None],
        agree: Callable[[dict[str, float]], dict[str, float] | None] = lambda values: values,
    ) -> None:
        self._state, self._services, self._flush, self._agree = state, services, flush, agree
        self._handles: list[Any] = []
        self._taken: list[tuple[Tensor, Tensor]] = []
        """Parameters with the gradients that were taken from them."""
        self._skipped = -1
        """The step that was skipped last."""
        self._norm = (-1, 0.0)
        """A step, and the norm of its gradients."""
        self._told: set[str] = set()
        self.by_library = False
        """Whether a library says when the gradients are there; its steps are given closures."""

    def settle(self) -> None:
        """Look from now on where that is asked for, and else no more."""
        guards, state = self._state.guards, self._state
        needed = bool(guards.skipping) or guards.needs_norm or state.skip_at == state.step
        if needed == bool(self._handles) or not self._services.optimizer:
            return
        if needed:
            self._handles = self._services.optimizer.hooks_around_step(self._before, self._after)
        else:
            self.close()

    def close(self) -> None:
        """Look no more."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def norm_at(self, step: int) -> float | None:
        """Return the gradient norm that a step was taken with; None where it was not measured."""
        return self._norm[1] if self._norm[0] == step else None

    def _before(self, optimizer: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        if self.by_library or self._services.trials.running is not None:
            return
        closures = [*arguments, *named.values()]
        if any(callable(each) and each is not optimizer for each in closures):
            self._tell(CLOSURE)
            return
        self.look(optimizer)

    def look(self, optimizer: Any) -> None:
        """Measure the norm of the gradients, let guards look at it, and take the gradients away where one asks."""
        if not self._handles or self._taken:
            return
        try:
            self._look(optimizer)
        except Exception as error:  # noqa: BLE001 - the training of the script goes on
            self._tell(f"guards cannot look at this step: {type(error).__name__}: {error}")

    def _look(self, optimizer: Any) -> None:
        state, guards = self._state, self._state.guards
        parameters = [each for group in optimizer.param_groups for each in group["params"] if each.grad is not None]
        skips = state.skip_at == state.step != self._skipped
        if parameters and not skips:
            values = {name: float(value) for name, value in self._services.values.so_far.items()}
            values["lr"] = float(optimizer.param_groups[0]["lr"])
            if guards.needs_norm:
                values["grad_norm"] = self._measured(optimizer, parameters)
            skips = bool(guards.skipping) and self._is_unwanted(values)
        if skips:
            self._skipped = state.step
            self._services.recorder.leave_out(state.step + 1)
            self._taken = [(each, each.grad) for each in parameters]
            for parameter in parameters:
                parameter.grad = None

    def _measured(self, optimizer: Any, parameters: list[Any]) -> float:
        """Return the norm of the gradients, before they were clipped."""
        step = self._state.step + 1
        recorder = self._services.recorder
        norm = recorder.newest_norm(step)
        if norm is None:
            norm = measured_norm_of(gradients_of(parameters)).detach()
            scale = getattr(optimizer, "grad_scale", None)
            norm = norm / scale if scale is not None else norm
            recorder.add_norm(step, norm)
        self._norm = step, float(norm)
        return self._norm[1]

    def _is_unwanted(self, values: dict[str, float]) -> bool:
        """Return whether a guard takes the gradients away; what else it does waits for the end of the step."""
        state, services = self._state, self._services
        for guard in state.guards.skipping:
            for name in {series_of(name) for name in guard.rule.metrics} - COUNTS.keys() - values.keys():
                self._tell(f"guard {guard.name} cannot skip a step: {name} is not logged before optimizer.step()")
        agreed = self._agree(values)
        if agreed is None or not asks_to_skip(state, services, agreed):
            return False
        self._flush()
        services.is_in_batch = True
        try:
            apply_command(state, services, self._take_skip())
        finally:
            services.is_in_batch = False
        return state.skip_at == state.step

    def _take_skip(self) -> SkipStep:
        """Take the command to skip from those of the firing; one that ends the run has none, and skips this step."""
        commands = self._services.commands
        fired = [each for each in commands.pending() if each.by == GUARD]
        found = next((each for each in fired if isinstance(each, SkipStep)), None)
        if found is not None:
            commands.drop(lambda each: each is found)
            return found
        first = fired[0]
        return SkipStep(by=GUARD, id=f"{first.id.rpartition(':')[0]}:skip", because=first.because)

    def _after(self, *_: object) -> None:
        """Give the gradients back."""
        for parameter, gradient in self._taken:
            parameter.grad = gradient
        self._taken = []

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._services.events.log(text, self._state.step)
