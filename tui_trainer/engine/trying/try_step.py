"""One batch tried at a few rates and taken back, for a user who decides about the next step."""

from __future__ import annotations

from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.engine.trying.step_trial import MOST_SAMPLES, try_batch
from tui_trainer.engine.trying.trial import refuse_untriable
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

FACTORS = (0.1, 1 / 3, 1.0, 3.0, 10.0)
"""Rates that are tried, in units of the one in force."""


def try_step(state: TrainState, services: TrainingServices, command: cmd.TryStep) -> None:
    """Publish what the coming batch would do; the run goes on as if it had not been asked."""
    refuse_untriable(state, services)
    lr = state.plan.rate(state.step, services.early_stopper.watched)
    rates = rates_to_try(command, lr)
    found = try_batch(state, services, rates)
    few = f"the gradients of the first {MOST_SAMPLES} samples were measured" if found.measured < found.samples else ""
    services.events.publish(
        ev.StepTried(
            samples=found.samples,
            loss=found.loss,
            grad_norm=found.grad_norm,
            lr=lr,
            rates=found.rates,
            pulls=found.pulls,
            median_pull=found.median,
            measured=found.measured,
            note=few,
            step=state.step,
            cause=command,
        )
    )


def rates_to_try(command: cmd.TryStep, lr: float) -> tuple[float, ...]:
    """Return the rates that were named, or some around the one in force. Raises `Refusal` where that is 0."""
    if not command.rates and lr <= 0:
        raise Refusal("the present learning rate is 0: name rates to try, rates=[0.01, 0.1]")
    return command.rates or tuple(lr if factor == 1 else float(f"{lr * factor:.6g}") for factor in FACTORS)
