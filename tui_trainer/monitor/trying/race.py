"""A race in a script's own loop: one setting after the other, each on copies of the same batches."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

from tui_trainer.engine.checkpointing.snapshot import take_snapshot
from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.commands.handlers import perform
from tui_trainer.engine.commands.race import apply_settings, best_of, lane_event, wait_for_decision
from tui_trainer.engine.train_state import Fork, ForkLane, Snapshot
from tui_trainer.engine.trying.race import TURNS
from tui_trainer.errors import UserError
from tui_trainer.monitor.trying.batch_store import END
from tui_trainer.monitor.trying.find_rate import seconds_per_step
from tui_trainer.monitor.trying.lane import Trial
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.race.lines import parse_settings
from tui_trainer.protocol.race.race_events import RaceLane

Wanted = tuple[cmd.AnyCommand, ...]


def run_race(trial: Trial, command: cmd.Race) -> Generator[Any, None, ev.Raced]:
    """Try each of the settings. Returns the outcome, or its price."""
    if trial.store.at(0) is END or (steps := trial.steps_left(command.steps)) < 1:
        raise Refusal("no step of this epoch is left to race: take the next step, then ask again")
    trial.put_back()
    if command.price:
        return (yield from _price(trial, command, steps))
    run, fork = trial.run, take_snapshot(trial.run.state, trial.run.services)
    if fork is None:
        raise Refusal("a copy of the run would be larger than the limit of copies for an undo")
    lanes: list[RaceLane] = []
    applied: list[Wanted] = []
    undo_stack = tuple(run.state.undo_stack)
    for number, line in enumerate(command.settings):
        trial.put_back()
        with run.events.muted():
            wanted = parse_settings(line, parse_command)
            applied.append(apply_settings(run.state, run.services, wanted, perform, line))
        progress = _Progress(trial, command, number, steps)
        lane = yield from trial.lane(steps, after=progress.take)
        progress.tell()
        if lane.interrupted:
            trial.end()
            return _outcome(trial, command, steps, [RaceLane(settings=each) for each in command.settings], fork)
        metrics = {} if lane.broke else _validated(trial)
        lanes.append(lane_event(line, lane.losses, lane.broke, metrics))
    trial.end()
    run.state.fork = Fork(
        command,
        fork,
        tuple(ForkLane(line, applied[number], lanes[number].broke) for number, line in enumerate(command.settings)),
        undo_stack,
        tuple(run.state.script),
        waits=not run.state.paused,
    )
    trial.published = partial(wait_for_decision, run.state, run.services)
    return _outcome(trial, command, steps, lanes, fork)


def _outcome(trial: Trial, command: cmd.Race, steps: int, lanes: list[RaceLane], fork: Snapshot) -> ev.Raced:
    interrupted = trial.published is None
    return ev.Raced(
        steps=steps,
        seconds=trial.seconds,
        bytes=trial.size + fork.bytes,
        lanes=lanes,
        best=0 if interrupted else best_of(lanes),
        interrupted=interrupted,
        warning=trial.warning,
        step=trial.run.state.step,
        cause=command,
    )


def _price(trial: Trial, command: cmd.Race, steps: int) -> Generator[Any, None, ev.Raced]:
    services, count = trial.run.services, len(command.settings)
    each = yield from seconds_per_step(trial)
    _validated(trial)
    seconds = count * (steps * each + services.evaluate_seconds)
    return ev.Raced(
        steps=steps,
        seconds=seconds,
        bytes=2 * trial.bytes + steps * trial.per_step * trial.batch_bytes,
        priced=True,
        lanes=[RaceLane(settings=line) for line in command.settings],
        warning=trial.warning,
        step=trial.run.state.step,
        cause=command,
    )


def _validated(trial: Trial) -> dict[str, float | None]:
    """Return what the script's function to evaluate measures; nothing where there is none, or it fails."""
    try:
        with trial.run.events.muted():
            measured = trial.run.services.validate() or {}
    except UserError:
        return {}
    return {name: value for name, value in measured.items() if name.startswith("val_")}


class _Progress:
    """Publishes the losses of a lane, some at a time, and sets the rates as between two steps of the training."""

    def __init__(self, trial: Trial, command: cmd.Race, number: int, steps: int) -> None:
        self._run, self._command, self._number = trial.run, command, number
        self._size = max(steps // TURNS, 1)
        self._first, self._started = trial.run.state.step + 1, trial.run.state.step
        self._waiting: list[float] = []

    def take(self, loss: float) -> bool:
        """Take in the loss of a step."""
        if self._run.services.optimizer.overlaid:
            with self._run.events.muted():
                self._run.length.step_taken()
        self._waiting.append(loss)
        if len(self._waiting) >= self._size:
            self.tell()
        return True

    def tell(self) -> None:
        """Publish the losses since the last time."""
        if not self._waiting:
            return
        self._run.events.publish(
            ev.RaceAdvanced(
                race=self._command.id,
                lane=self._number + 1,
                settings=self._command.settings[self._number],
                first=self._first,
                losses=self._waiting,
                step=self._started,
            )
        )
        self._first += len(self._waiting)
        self._waiting = []
