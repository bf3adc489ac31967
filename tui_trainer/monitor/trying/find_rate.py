"""The search for a learning rate in a script's own loop."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.commands.find_rate import TIMED, outcome
from tui_trainer.engine.trying.rate_sweep import Explosion, Sweep, growing
from tui_trainer.monitor.trying.batch_store import END
from tui_trainer.monitor.trying.lane import Trial
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

FEW = 8
"""Batches that are too few to be handed out again and again, unless they are all of an epoch."""


def find_rate(trial: Trial, command: cmd.FindRate) -> Generator[Any, None, ev.RateFound]:
    """Sweep the rates over the coming batches. Returns the outcome, or its price."""
    run = trial.run
    whole = run.state.position == 0
    if trial.store.at(0) is END:
        raise Refusal("no batch of this epoch is left to try: take the next step, then ask again")
    if command.price:
        trial.put_back()
        return (yield from _price(trial, command))
    left = trial.batches_left
    if left is not None and left < FEW and not whole:
        raise Refusal(f"only {left} batches of this epoch are left: ask again in the next one")
    services, rates = run.services, growing(command.low, command.high, command.steps)
    explosion = Explosion(len(rates))
    with run.events.muted():
        services.optimizer.overlay(on=True)
    lane = yield from trial.lane(
        len(rates),
        before=lambda step: services.optimizer.set_lr(rates[step]),
        after=lambda loss: not explosion.exploded(loss),
        wraps=True,
    )
    outcomes = tuple(lane.losses[1:])
    tried = Sweep(rates[: len(outcomes)], outcomes, len(lane.losses), trial.seconds, trial.size, lane.interrupted)
    trial.end()
    return outcome(run.state, command, tried, trial.lr, trial.warning)


def _price(trial: Trial, command: cmd.FindRate) -> Generator[Any, None, ev.RateFound]:
    state = trial.run.state
    each = yield from seconds_per_step(trial)
    left = trial.batches_left
    batches = command.steps * trial.per_step
    count = batches if left is None else min(batches, left)
    return ev.RateFound(
        steps=command.steps,
        seconds=command.steps * each,
        bytes=trial.bytes + count * trial.batch_bytes,
        priced=True,
        lr=trial.lr,
        warning=trial.warning,
        step=state.step,
        cause=command,
    )


def seconds_per_step(trial: Trial) -> Generator[Any, None, float]:
    """Return the seconds that a step takes: those of the run so far, or of a few that are tried and taken back."""
    state = trial.run.state
    if state.step:
        return state.seconds / state.step
    lane = yield from trial.lane(TIMED)
    trial.put_back()
    return lane.seconds / max(len(lane.losses), 1)
