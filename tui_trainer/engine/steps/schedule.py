"""The learning rate on its way from the plan to the optimizer."""

from __future__ import annotations

from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState


def apply_schedule(state: TrainState, services: LoopServices) -> None:
    """Set the learning rate of the coming step, by a plan that may have changed."""
    state.plan = services.sampled(state.plan)
    state.lr_changes_each_step = state.plan.scheduler.changes_each == "step"
    apply_lr(state, services)


def apply_lr(state: TrainState, services: LoopServices) -> None:
    """Set the learning rate of the coming step, by the plan that was last applied."""
    state.lr = state.plan.rate(state.step, services.early_stopper.watched)
    services.optimizer.set_lr(state.lr)
