"""The end of a run."""

from __future__ import annotations

import torch

from tui_trainer.engine.checkpointing.save import save_best, save_run
from tui_trainer.engine.checkpointing.snapshot import load_model_state_dict
from tui_trainer.engine.commands.stop import answer_stops
from tui_trainer.engine.events.error_text import describe_error
from tui_trainer.engine.events.flush import check_weights
from tui_trainer.engine.events.run_events import publish_columns, publish_metrics, run_finished
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.ranks.sharding import like
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.train_state import Ending, StateTree, TrainState
from tui_trainer.protocol import events as ev


def finish(state: TrainState, services: TrainingServices) -> None:
    """Validate the last batches, restore the best weights if requested, measure the test split, save, and say why."""
    check_weights(state, services)
    state.finishing = True
    if state.broken:
        # Weights that are not finite are not saved: `last` stays as it was.
        save_best(state, services)
    else:
        services.pictures.end()
        _validate_rest(state, services)
        if state.ending is not None:
            answer_stops(state, services)
        if state.ending is None or state.ending.save:
            _restore_best(state, services)
            _test(state, services)
            save_run(state, services)
    ending = state.ending or Ending("completed", f"all {state.epochs} epochs trained")
    publish_end(state, services, ending.reason, ending.detail)


def fail(state: TrainState, services: TrainingServices, error: BaseException) -> None:
    """End the run because of an error in it; saved checkpoints stay."""
    state.exit_code = 1
    told = services.ranks.explain(error) if services.ranks is not None else ""
    publish_end(state, services, "failed", told or describe_error(error))


def publish_end(state: TrainState, services: LoopServices, reason: ev.Reason, detail: str) -> None:
    """Publish why the run ended, its last event. A run whose last checkpoint is not on disk has exit code 1."""
    state.timer.stop()
    state.over = True
    if services.checkpointer is not None and services.checkpointer.failing and not state.exit_code:
        state.exit_code = 1
    services.events.publish(run_finished(state, services, reason, detail))


def _validate_rest(state: TrainState, services: TrainingServices) -> None:
    if state.position and not services.commands.hurried:
        metrics = services.validate()
        if metrics is not None:
            publish_metrics(state, services, metrics)


def _restore_best(state: TrainState, services: TrainingServices) -> None:
    best, weights = services.early_stopper.best, state.best_weights
    if state.ending is None or not state.ending.restore_best or best is None or weights is None:
        return
    if best.step != state.step or not _has_weights(services, weights):
        unfit = load_model_state_dict(state, services, weights)
        services.events.publish(ev.RolledBack(to="best", from_epoch=best.epoch, step=state.step))
        if unfit:
            services.events.log(f"best weights: {unfit}", state.step)


def _test(state: TrainState, services: TrainingServices) -> None:
    """Measure the test split with the weights that the run ends with.

    An interrupted run will go on, and one that is stopped in a hurry has no time: neither is tested.
    """
    reason = state.ending.reason if state.ending is not None else "completed"
    if reason not in ("completed", "early-stopped", "stopped") or services.commands.hurried:
        return
    metrics = services.test()
    if metrics:
        state.test_metrics = metrics
        publish_columns(state, services, metrics)


def _has_weights(services: TrainingServices, tree: StateTree) -> bool:
    """Return whether the model has these weights now; a roll-back at this step may have changed them."""
    saved = tree["model"]
    live = services.setup.model.state_dict()
    return all(torch.equal(like(saved[name].to(value.device), value), value) for name, value in live.items())
