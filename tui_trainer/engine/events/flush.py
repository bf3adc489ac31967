"""From the recorder's buffer to events; a loss, or weights, that are not finite end the run here."""

from __future__ import annotations

from functools import partial

from tui_trainer.engine.events import run_events
from tui_trainer.engine.guarding.rescue import is_rescued
from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import Ending, TrainState


def flush(state: TrainState, services: LoopServices) -> bool:
    """Publish the buffered measurements. Returns True if a loss was not finite, which ends the run."""
    rescued = partial(is_rescued, state, services)
    broken = services.recorder.flush(cut=services.ends_when_broken, excused=rescued)
    if broken is None:
        return False
    if not services.ends_when_broken:
        if not state.told_broken:
            state.told_broken = True
            services.events.publish(run_events.loss_broke(state, services, broken[1]))
        return False
    state.step = broken[0]
    services.events.publish(run_events.loss_broke(state, services, broken[1]))
    state.ending = Ending("not-finite", run_events.describe_broken_loss(*broken))
    state.exit_code = 1
    return True


def check_weights(state: TrainState, services: LoopServices) -> bool:
    """Publish the buffered measurements, and end the run if a loss or what would be saved is not finite.

    Returns True if so, and also where a guard takes the run back before its next step. The loss of a step is from
    before its update: finite losses say nothing of the newest weights.
    """
    if flush(state, services) or state.broken:
        return True
    found = services.first_broken()
    if found is None:
        return False
    if is_rescued(state, services):
        return True
    services.events.publish(run_events.tensor_broke(state, services, *found))
    if not services.ends_when_broken:
        return True
    state.ending = Ending("not-finite", run_events.describe_broken_tensor(state.step, *found))
    state.exit_code = 1
    return True
