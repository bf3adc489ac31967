"""Stops: the words about what will be on disk, and the stops that come while the run is ending."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.engine.events.run_events import publish_status
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import Ending, TrainState


def describe_stop(state: TrainState, services: LoopServices) -> str:
    """Return in words when the run ends, and what will be on disk then."""
    ending, checkpointer = state.ending, services.checkpointer
    if ending is None:
        return ""
    at_end = ending.when == "epoch"
    when = f"at the end of epoch {state.epoch + 1}" if at_end else "after this batch"
    when += ", with the best weights" if ending.restore_best else ""
    if checkpointer is None:
        return f"{when}; nothing is saved, the run has no directory"
    if not ending.save or not services.saves_at_end:
        lost = state.step - (checkpointer.last[0] if checkpointer.last is not None else 0)
        return f"{when}, without saving; on disk stays {checkpointer.contents()}; {lost:,} steps are lost"
    steps = state.plan.step_of_epoch(state.epoch + 1) if state.plan.lengths else 0
    step = (steps or (state.epoch + 1) * services.steps_per_epoch) if at_end else state.step
    best = services.early_stopper.best
    kept = f", best of epoch {best.epoch}{' or a better one' if at_end else ''}" if best is not None else ""
    skipped = ", without validation" if services.commands.hurried and not at_end else ""
    return f"{when}{skipped}; on disk then: last of step {step:,}{kept}"


def answer_stops(state: TrainState, services: LoopServices) -> None:
    """Answer the stops that came while the run validates or takes its last pictures.

    They hasten the end: the rest of the validation is skipped, and one that asks for it keeps the run from being saved.
    """
    for stop in services.commands.take_stops():
        ending = state.ending or Ending(stop.reason, "", cause=stop)
        state.ending = replace(ending, when="batch", save=ending.save and stop.save)
        publish_status(state, services, "stopping", describe_stop(state, services), stop)
