"""The length of a loop, as far as it is known, and the coming rate of its own schedule."""

from __future__ import annotations

from tui_trainer.engine.events.run_events import publish_schedule
from tui_trainer.engine.train_state import TrainState
from tui_trainer.monitor.parts.own_schedule import MAX_CALLS
from tui_trainer.monitor.services import ScriptServices

LATE_STEPS, LATE_SHARE = 3, 0.1
"""Steps, and share of an epoch, by which its end in the output may be noticed too early or too late."""


class Length:
    """Steps per epoch, epochs and the steps between two calls of the schedule, which a loop shows as it goes.

    Args:
        state, services: those of the run, which are kept up to date.
    """

    def __init__(self, state: TrainState, services: ScriptServices) -> None:
        self._state, self._services = state, services
        self._epoch_began = 0
        self.known = False
        """Whether the steps of an epoch are known."""
        self.printed = False
        """Whether they were read from a progress bar, which counts exactly where an end that was read comes late."""
        self._gap = 0
        """Steps between two calls of the schedule; 0 while that is not known."""
        self._called_at = 0

    def planned(self, epochs: int | None, per_epoch: int | None) -> None:
        """Take in the number of epochs, and of steps in each, as far as they are given."""
        state, services = self._state, self._services
        if epochs is not None:
            state.epochs = epochs
        if per_epoch and not self.known:
            services.steps_per_epoch = per_epoch
            self.known = True
        end = max(state.epochs, 1) * services.steps_per_epoch
        if state.plan.end != end or state.plan.steps_per_epoch != services.steps_per_epoch:
            update = {"end": end, "steps_per_epoch": services.steps_per_epoch}
            if state.step == 0:
                update["length"] = max(end, 1)
            state.plan = state.plan.model_copy(update=update)

    def step_taken(self) -> None:
        """Apply the rate in force to the coming step, where it is not the script's own."""
        services, state = self._services, self._state
        optimizer = services.optimizer
        if not optimizer:
            return
        if optimizer.overlaid:
            if state.plan.scheduler.kind == "script":
                services.note_rate()
            state.lr = state.plan.rate(state.step, services.early_stopper.watched)
            optimizer.set_lr(state.lr)

    def epoch_ended(self) -> None:
        """Take in how many steps an epoch really has."""
        state = self._state
        steps = state.step - self._epoch_began
        self._epoch_began = state.step
        expected = self._services.steps_per_epoch
        if self.printed and abs(steps - expected) <= max(LATE_STEPS, expected * LATE_SHARE):
            return
        if steps and steps != expected:
            self.known = False
            self.planned(None, steps)
        self.known = True

    def resumed(self) -> None:
        """Count the epoch from here."""
        self._called_at = self._state.step
        self._epoch_began = self._state.step - (0 if not self._state.position else self._state.position)
        self.known = True

    def schedule_called(self) -> None:
        """Take in that the script's schedule made a step."""
        state, services = self._state, self._services
        gap = state.step - self._called_at
        self._called_at = state.step
        wrong = services.note_rate()
        missing = state.step < state.plan.end and not services.curve.reaches(state.step + 1)
        if gap and (gap != self._gap or wrong or missing):
            self._gap = gap
            self.preview()

    def preview(self) -> None:
        """Sample the coming rate of the script's own schedule, and publish it."""
        state, services = self._state, self._services
        if not self._gap or services.schedule.unknown:
            return
        coming = max(state.plan.end - state.step, 0) // self._gap
        rates = services.schedule.future(min(coming, MAX_CALLS))
        services.curve.foresee(state.step, self._gap, rates)
        if state.plan.scheduler.kind == "script":
            state.plan = state.plan.with_curve(services.curve.sampled)
            publish_schedule(state, services)
