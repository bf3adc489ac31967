"""Trials in a loop over `monitor.batches`: asked for at a boundary, run by the loop itself, and taken back.

a command comes        checked, and kept until the loop asks for its next batch
the batch is asked for  the loop is copied; what the loader gives is kept
a lane                 copies of the batches are handed out, and the loop's own body trains on them
the lane is over       the copy is put back; the next lane gets the same batches
the trial is over      its outcome is published, and the training gets the very same batches
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from inspect import currentframe
from types import FrameType
from typing import TYPE_CHECKING, Any

from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.engine.commands.handlers import reject
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.errors import UserError
from tui_trainer.monitor.parts.kept import generator_of, on_cpu, savable
from tui_trainer.monitor.trying.batch_store import BatchStore
from tui_trainer.monitor.trying.find_rate import find_rate
from tui_trainer.monitor.trying.lane import Trial
from tui_trainer.monitor.trying.outside import LoopVariables, named
from tui_trainer.monitor.trying.race import run_race
from tui_trainer.monitor.trying.randomness import is_generator, sources_of
from tui_trainer.monitor.trying.try_step import try_step
from tui_trainer.protocol import commands as cmd

if TYPE_CHECKING:
    from tui_trainer.monitor.script_run import ScriptRun

NOT_KEPT = "not put back afterwards, as they were not handed to monitor.keep: {names}"
COUNTED = "the loop's own {names} counted the tried batches too: they are not put back"


def hand_out(run: ScriptRun, iterator: Iterator[Any], loader: Any) -> Generator[Any, None, Iterator[Any]]:
    """Run the trial that was asked for. Returns the iterator with which the training goes on."""
    trials = run.services.trials
    command, trials.asked = trials.asked, None
    if command is None:
        return iterator
    try:
        trial = _trial(run, iterator, loader, command, currentframe())
    except Exception as error:  # noqa: BLE001 - parts of the script's own may fail in any way
        reject(run.events, run.state.step, command, f"the loop cannot be copied: {describe_error(error)}")
        return iterator
    trials.running, trials.store, run.inside = trial, trial.store, True
    try:
        outcome = yield from _steps_of(trial, command)
        trial.end()
        run.events.publish(outcome)
        if trial.published is not None:
            trial.published()
    except (Refusal, UserError) as refusal:
        trial.end()
        reject(run.events, run.state.step, command, str(refusal))
    except GeneratorExit:
        trial.end()
        reject(run.events, run.state.step, command, "the loop was left while it was tried; it is as it was before")
        raise
    finally:
        trial.end()
        trials.running, run.inside = None, False
    if trial.lanes and (changed := trial.surroundings.changed(currentframe())):
        run.events.log(COUNTED.format(names=named(changed)), run.state.step)
    run.tell_capabilities()
    return trial.store.rest()


def _steps_of(trial: Trial, command: cmd.AnyCommand) -> Generator[Any, None, Any]:
    match command:
        case cmd.FindRate():
            return (yield from find_rate(trial, command))
        case cmd.Race():
            return (yield from run_race(trial, command))
        case cmd.TryStep():
            return (yield from try_step(trial, command))
        case _:
            raise Refusal(f"{command.type} is no trial")


def _trial(
    run: ScriptRun, iterator: Iterator[Any], loader: Any, command: cmd.AnyCommand, frame: FrameType | None
) -> Trial:
    services = run.services
    parts = [getattr(loader, name, None) for name in ("sampler", "batch_sampler", "dataset")]
    modules = [module for model in services.models.values() for module in model.modules()]
    handed = [*services.optimizer.named.values(), *services.schedule.schedulers, *services.kept.values()]
    surroundings = LoopVariables(frame, [loader, *parts, *modules, *handed])
    own = [generator_of(loader), *(kept for kept in services.kept.values()), *surroundings.generators]
    generators = {id(each): each for each in own if each is not None and is_generator(each)}
    sources = sources_of(generators.values())
    with_state = services.loader

    def loader_state() -> Any:
        return on_cpu(savable(with_state.state_dict(), "loader")) if with_state is not None else None

    store = BatchStore(iterator, sources, loader_state)
    gone = surroundings.with_state
    warning = NOT_KEPT.format(names=named(gone)) if gone else ""
    left = [loader, *(part for part in parts if part is not None), *generators.values()]
    return Trial(run, store, sources, left, surroundings, warning, _length(loader), command)


def _length(loader: Any) -> int | None:
    try:
        return len(loader)
    except TypeError:
        return None
