"""Races, and the decisions about them: a setting that is taken begins where the race began."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tui_trainer.engine.checkpointing.save import save_run
from tui_trainer.engine.checkpointing.snapshot import restore_snapshot
from tui_trainer.engine.commands.actions import yield_wheel
from tui_trainer.engine.commands.answers import Refusal, Unchanged
from tui_trainer.engine.commands.undo import fits, remember, restored_settings
from tui_trainer.engine.events.run_events import publish_status
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import Fork, ForkLane, Metrics, TrainState
from tui_trainer.engine.trying.race import price, race, steps_left
from tui_trainer.engine.trying.trial import refuse_untriable
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.race.lines import parse_settings
from tui_trainer.protocol.race.race_events import RaceLane

Perform = Callable[[TrainState, LoopServices, cmd.AnyCommand], None]
"""Applies a command; raises `Refusal` or `UserError` where it cannot be."""


def run_race(state: TrainState, services: TrainingServices, command: cmd.Race, perform: Perform) -> None:
    """Publish the outcome of a race, or its price. Then the run is where it was, and waits for a decision."""
    refuse_untriable(state, services)
    wanted = [parse_settings(line, parse_command) for line in command.settings]
    steps = steps_left(state, services, command.steps)
    if command.price:
        seconds, size = price(state, services, len(wanted), steps)
        lanes = [RaceLane(settings=line) for line in command.settings]
        services.events.publish(
            ev.Raced(steps=steps, seconds=seconds, bytes=size, priced=True, lanes=lanes, step=state.step, cause=command)
        )
        return
    _race(state, services, command, wanted, steps, perform)


def _race(
    state: TrainState,
    services: TrainingServices,
    command: cmd.Race,
    wanted: list[tuple[cmd.AnyCommand, ...]],
    steps: int,
    perform: Perform,
) -> None:
    started, taken = state.step, [0] * len(wanted)
    effective: dict[int, tuple[cmd.AnyCommand, ...]] = {}

    def change(number: int) -> None:
        effective[number] = apply_settings(state, services, wanted[number], perform, command.settings[number])

    def advanced(index: int, losses: list[float]) -> None:
        services.events.publish(
            ev.RaceAdvanced(
                race=command.id,
                lane=index + 1,
                settings=command.settings[index],
                first=started + taken[index] + 1,
                losses=losses,
                step=started,
            )
        )
        taken[index] += len(losses)

    outcome = race(state, services, [partial(change, number) for number in range(len(wanted))], steps, advanced)
    lanes = [
        lane_event(line, lane.losses, lane.broke, lane.metrics)
        for line, lane in zip(command.settings, outcome.lanes, strict=True)
    ]
    if not outcome.interrupted:
        state.fork = Fork(
            command,
            outcome.snapshot,
            tuple(
                ForkLane(line, effective[number], outcome.lanes[number].broke)
                for number, line in enumerate(command.settings)
            ),
            tuple(state.undo_stack),
            tuple(state.script),
            waits=not state.paused,
        )
    services.events.publish(
        ev.Raced(
            steps=steps,
            seconds=outcome.seconds,
            bytes=outcome.bytes,
            lanes=lanes,
            best=best_of(lanes),
            interrupted=outcome.interrupted,
            step=state.step,
            cause=command,
        )
    )
    if not outcome.interrupted:
        wait_for_decision(state, services)


def wait_for_decision(state: TrainState, services: LoopServices) -> None:
    """Pause until one of the settings of the race is taken, or none, unless the run is paused already."""
    if state.fork is not None and state.fork.waits:
        state.paused = True
        publish_status(state, services, "paused", "a race waits for its decision")


def apply_settings(
    state: TrainState,
    services: LoopServices,
    commands: tuple[cmd.AnyCommand, ...],
    perform: Perform,
    line: str,
) -> tuple[cmd.AnyCommand, ...]:
    """Apply the commands of a line of settings. Returns those that changed something."""
    effective: list[cmd.AnyCommand] = []
    for each in commands:
        if reason := services.refused.get(each.type):
            raise Refusal(f"race {line!r}: {reason}")
        try:
            perform(state, services, each)
        except Unchanged:
            continue
        except (Refusal, UserError) as error:
            raise Refusal(f"race {line!r}: {error}") from None
        effective.append(each)
    return tuple(effective)


def lane_event(line: str, losses: list[float], broke: str, metrics: Metrics) -> RaceLane:
    """Return the result of one of the settings."""
    last = losses[-max(len(losses) // 5, 1) :]
    loss = sum(last) / len(last) if last else None
    return RaceLane(settings=line, steps=len(losses), loss=loss, metrics=metrics, broke=broke)


def best_of(lanes: list[RaceLane]) -> int:
    """Return the number of the settings with the lowest loss, of those that all have one; 0 for none."""
    whole = {number: lane for number, lane in enumerate(lanes, 1) if not lane.broke}
    validated = {number: lane.metrics.get("val_loss") for number, lane in whole.items()}
    trained = {number: lane.loss for number, lane in whole.items()}
    for losses in (validated, trained):
        known = {number: loss for number, loss in losses.items() if loss is not None}
        if known and len(known) == len(losses):
            return min(known, key=known.__getitem__)
    return 0


def take_race(state: TrainState, services: LoopServices, command: cmd.TakeRace, perform: Perform) -> None:
    """Go back to where the newest race began and continue with one of its settings; 0 only ends the wait."""
    fork = state.fork
    if command.lane == 0:
        services.events.publish(ev.RaceDecided(step=state.step, cause=command))
        _stop_waiting(state, services, fork)
        return
    if state.stops_now:
        raise Refusal("the run is stopping")
    if fork is None:
        raise Refusal("no race to take from: race some settings first; a cancelled or undone race cannot be taken")
    if command.lane > len(fork.lanes):
        raise Refusal(f"the race had {len(fork.lanes)} settings: take one of 1 to {len(fork.lanes)}, or none")
    lane = fork.lanes[command.lane - 1]
    if lane.broke:
        raise Refusal(f"settings {command.lane} cannot be taken: {lane.broke}")
    chosen = _stamped(lane, command, len(fork.lanes))
    for each in chosen:  # a sender may not take what it may not set
        if reason := services.permissions.refusal(state, services, each):
            raise Refusal(f"settings {command.lane}: {reason}")
    from_step = state.step
    left = _go_back(state, services, fork)
    settings = restored_settings(state, services, from_step, fork.race.id)
    services.events.publish(
        ev.RolledBack(
            to=f"settings {command.lane} of the race, {lane.settings}",
            from_epoch=state.epoch,
            saved_at=left,
            step=state.step,
            cause=command,
            restored=settings,
        )
    )
    if chosen:
        remember(state, services, chosen[0])
    for each in chosen:
        perform(state, services, each)
        services.permissions.applied(state, each)
        yield_wheel(state, services, each)
    _stop_waiting(state, services, fork)
    if not fits(state):
        state.fork = None
        services.events.log(
            "the other settings of the race cannot be taken later: the copies are too large", state.step
        )
    if services.rewinds:  # the checkpoint on disk may be of the abandoned steps
        save_run(state, services)


def _go_back(state: TrainState, services: LoopServices, fork: Fork) -> int | None:
    """Go back to where a race began. Returns its step where the loop goes on from another one, else None."""
    began = int(fork.snapshot.tree["step"])
    stands = not services.rewinds and state.step == began and len(state.undo_stack) == len(fork.undo_stack)
    if not stands:  # a script's loop that has gone nowhere since has every bit already
        restore_snapshot(state, services, fork.snapshot)
    state.undo_stack[:] = [entry for entry in state.undo_stack if any(entry is kept for kept in fork.undo_stack)]
    state.redo_stack.clear()
    if services.rewinds:
        state.follow(fork.script)
    return None if state.step == began else began


def _stamped(lane: ForkLane, command: cmd.TakeRace, count: int) -> list[cmd.AnyCommand]:
    """Return the commands of the settings that are taken, in the name of the sender and with one id for all."""
    because = command.because or f"settings {command.lane} of a race of {count}"
    stamp = {"id": command.id, "by": command.by, "actor": command.actor, "run": command.run, "because": because}
    return [each.model_copy(update=stamp) for each in lane.commands]


def _stop_waiting(state: TrainState, services: LoopServices, fork: Fork | None) -> None:
    """Go on where the run waits for the decision alone."""
    if fork is None or not fork.waits:
        return
    fork.waits = False
    if state.paused:
        state.paused, state.steps_allowed = False, 0
        publish_status(state, services, "running" if state.ending is None else "stopping")
