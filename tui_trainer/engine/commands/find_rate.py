"""The search for a learning rate: a sweep that is taken back, and its marks."""

from __future__ import annotations

from tui_trainer.engine.checkpointing.snapshot import state_dict
from tui_trainer.engine.checkpointing.state_tree import size_of
from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.engine.trying.rate_marks import mark
from tui_trainer.engine.trying.rate_sweep import Sweep, growing, sweep
from tui_trainer.engine.trying.trial import refuse_untriable
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

TIMED = 3
"""Steps that are tried to say the price of a run that has taken none yet."""


def find_rate(state: TrainState, services: TrainingServices, command: cmd.FindRate) -> None:
    """Publish the outcome of a sweep, or its price; the run goes on as if neither had been asked for."""
    refuse_untriable(state, services)
    if not services.optimizer.description.rate_matters:
        raise Refusal(f"{services.optimizer.description.kind} ignores the learning rate after the first step")
    services.events.publish((_price if command.price else _search)(state, services, command))


def _price(state: TrainState, services: TrainingServices, command: cmd.FindRate) -> ev.RateFound:
    if state.step:
        seconds, size = command.steps * state.seconds / state.step, size_of(state_dict(state, services))
    else:
        tried = sweep(state, services, [command.low] * TIMED)
        seconds, size = command.steps * tried.seconds / TIMED, tried.bytes
    return ev.RateFound(
        steps=command.steps, seconds=seconds, bytes=size, priced=True, lr=state.lr, step=state.step, cause=command
    )


def _search(state: TrainState, services: TrainingServices, command: cmd.FindRate) -> ev.RateFound:
    return outcome(state, command, sweep(state, services, growing(command.low, command.high, command.steps)), state.lr)


def outcome(state: TrainState, command: cmd.FindRate, tried: Sweep, lr: float, warning: str = "") -> ev.RateFound:
    """Return the outcome of a sweep, taken back at rate `lr`. Raises `Refusal` where it was cut short."""
    if tried.interrupted:
        raise Refusal("the search was cut short by a pause or a stop; the run is as it was")
    marks = mark(tried.rates, tried.losses)
    return ev.RateFound(
        steps=tried.steps,
        seconds=tried.seconds,
        bytes=tried.bytes,
        lr=lr,
        rates=list(tried.rates),
        losses=list(tried.losses),
        smoothed=list(marks.smoothed),
        proposed=marks.proposed,
        steepest=marks.steepest,
        tenth=marks.tenth,
        unclear=marks.unclear,
        warning=warning,
        step=state.step,
        cause=command,
    )
