"""The run in a process that trains with Keras on its torch backend, whose optimizers are none of torch's."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from tui_trainer.engine.monitoring.layer_stats import norm_of
from tui_trainer.integrations.keras import KerasOptimizer, refused_of
from tui_trainer.monitor.relay import Relay, claim
from tui_trainer.watching.agent import Agent

CLIP = "the optimizer of Keras clips by its own clipnorm, which was compiled with it"


def begin(optimizer: Any) -> KerasAgent | None:
    """Make this process the run, if it is the first of the script that takes a step."""
    relay = claim()
    return KerasAgent(optimizer, relay) if relay is not None else None


def find_keras_model(optimizer: Any) -> Mapping[str, nn.Module]:
    """Return the model that was compiled with an optimizer; empty where there is none in this process."""
    for each in gc.get_objects():
        if issubclass(type(each), nn.Module):
            own = None
            with contextlib.suppress(Exception):
                own = getattr(each, "optimizer", None)
            if own is not None and optimizer in (own, getattr(own, "inner_optimizer", None)):
                return {"": each}
    return {}


class KerasAgent(Agent):
    """The run in the process whose steps an optimizer of Keras takes.

    Args:
        optimizer: that of Keras.
        relay: the connection to the watching process.
    """

    def __init__(self, optimizer: Any, relay: Relay) -> None:
        self._keras = optimizer
        super().__init__(
            KerasOptimizer(optimizer), relay, find_keras_model(optimizer), {"SetClip": CLIP} | refused_of(optimizer)
        )
        self._run.services.clips = False

    def before_apply(self, optimizer: Any, gradients: Sequence[Any]) -> None:
        """Take in what was printed since the last step, the rate, and the norm of the gradients."""
        if optimizer is not self._keras or not self._here:
            return
        try:
            self._take_output()
            run = self._run
            rates = run.services.optimizer
            if rates.overlaid:
                rates.reclaim()  # a callback of Keras may have set another rate
            run.note_rates()
            run.clean = False
            given = [each.detach() for each in gradients if each is not None]
            if given:
                run.services.recorder.add_norm(run.state.step + 1, norm_of(given))
        except Exception as error:  # noqa: BLE001
            self._trouble(error)

    def after_apply(self, optimizer: Any) -> None:
        """Count the step, and let commands take effect."""
        if optimizer is not self._keras or not self._here:
            return
        try:
            self._run.count_explicitly()
        except Exception as error:  # noqa: BLE001
            self._trouble(error)
            return
        self.after(self._optimizer)
