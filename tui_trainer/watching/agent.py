"""The part of `watch` in the script's own process: the hooks of all optimizers make it the run, on Monitor's machinery.

The model and the schedule are found among the objects of the process: those that hold the parameters of the optimizer.
Commands take effect after a step of the first optimizer that took one.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from tui_trainer.engine.monitoring.layer_stats import gradients_of, norm_of
from tui_trainer.engine.steps.clipping import clip_gradients
from tui_trainer.monitor.build import Given, build
from tui_trainer.monitor.messages import say
from tui_trainer.monitor.relay import Relay, claim
from tui_trainer.monitor.run_end import finish

INTERRUPT_SECONDS = 10.0
"""Time that a step waits for the interrupt that ends the script."""
NOT_IN_ZERO_LINES = {
    "SetOptimizer": "the script makes its own optimizer",
    "SetEpochs": "the script counts its epochs itself; with monitor.epochs they could be changed",
    "SetPatience": "the script decides when to stop early",
    "Evaluate": "the script was not changed: nothing says how it validates; Monitor(evaluate=...) would",
    "ShowAnswers": "the script was not changed: nothing says what its data are",
    "SetKnob": "the script was not changed: monitor.knob would declare one",
    "RunAction": "the script was not changed: monitor.action would declare one",
}
"""Commands that need a line in the script, each with the reason."""
NO_MODEL = "the model of the optimizer's parameters was not found in the process"
ONE_OF_MANY = "this process is one of {count} that train together: a change in it alone would let them drift apart"


def begin(optimizer: Any) -> Agent | None:
    """Make this process the run, if it is the first of the script that takes a step."""
    relay = claim()
    return Agent(optimizer, relay) if relay is not None else None


def find_model(optimizer: Any) -> dict[str, nn.Module]:
    """Return the modules of this process that hold all parameters of an optimizer; empty where there are none."""
    wanted = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    modules = [each for each in gc.get_objects() if issubclass(type(each), nn.Module) and "_modules" in each.__dict__]
    children = {id(child) for module in modules for child in module._modules.values()}
    roots = [
        (module, held)
        for module in modules
        if id(module) not in children and (held := wanted & {id(parameter) for parameter in module.parameters()})
    ]
    found: dict[str, nn.Module] = {}
    covered: set[int] = set()
    for module, held in sorted(roots, key=lambda root: -len(root[1])):
        if held - covered:
            covered |= held
            found[f"{type(module).__name__.lower()}{len(found) or ''}"] = module
    if covered != wanted:
        return {}
    return found if len(found) > 1 else dict.fromkeys([""], next(iter(found.values())))


def find_schedules(optimizer: Any) -> list[Any]:
    """Return the schedulers of an optimizer in this process, without those that are parts of another."""
    found = [
        each
        for each in gc.get_objects()
        if issubclass(type(each), LRScheduler) and getattr(each, "optimizer", None) is optimizer
    ]
    parts = {id(part) for each in found for part in getattr(each, "_schedulers", ())}
    return [each for each in found if id(each) not in parts]


class _Load:
    """The load of the system, without the wait for data: nothing says where the script waits."""

    def __init__(self, load: Any) -> None:
        self._load = load

    def due(self) -> dict[str, float]:
        """Return the numbers by the names of their series."""
        return {name: value for name, value in self._load.due().items() if name != "system/data_wait"}


class Agent:
    """The run in the process that takes the steps.

    Args:
        optimizer: the one whose steps are counted.
        relay: the connection to the watching process.
        models: the modules that hold its parameters; by default they are looked for.
        refused: further commands that are refused, each with the reason.
    """

    def __init__(
        self,
        optimizer: Any,
        relay: Relay,
        models: Mapping[str, nn.Module] | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:
        self._optimizer, self._relay = optimizer, relay
        self._pid = os.getpid()
        self._told = self._interrupted = False
        self._epoch_ended = False
        """Whether an epoch ended since the last step."""
        model = find_model(optimizer) if models is None else dict(models)
        given = Given(
            name=relay.title,
            model=model or None,
            optimizer=optimizer,
            scheduler=find_schedules(optimizer) or None,
        )
        self._run = run = build(given, relay)
        services = run.services
        relay.tells_epochs = services.has_boundaries = services.clips = True
        load: Any = _Load(services.recorder.load)
        services.recorder.load = load
        services.further = NOT_IN_ZERO_LINES | dict(refused or {})
        if not model:
            services.further |= dict.fromkeys(("Undo", "Redo", "RollBack", "SaveCheckpoint"), NO_MODEL)
        count = torch.distributed.get_world_size() if _is_distributed() else 1
        if count > 1:
            reason = ONE_OF_MANY.format(count=count)
            changes = ("SetLearningRate", "SetScheduler", "SetClip", "Undo", "Redo", "RollBack")
            services.further |= dict.fromkeys(changes, reason)
        run.begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)
        atexit.register(self.close)
        multiprocessing = sys.modules.get("multiprocessing.util")
        if multiprocessing is not None:  # a process of a pool ends without `atexit`
            multiprocessing.Finalize(None, self.close, exitpriority=100)

    def _forked(self) -> None:
        self._run.closed = True
        self._relay.forget()

    @property
    def _here(self) -> bool:
        return not self._told and not self._run.closed

    def before(self, optimizer: Any) -> None:
        """Take in what was printed since the last step; take the norm of the gradients, and clip where that is set."""
        if optimizer is not self._optimizer or not self._here:
            return
        try:
            self._take_output()
            self._measure(optimizer)
        except Exception as error:  # noqa: BLE001
            self._trouble(error)

    def _take_output(self) -> None:
        """Take in what was printed since the last step."""
        if any(feed["ended"] is not None or feed["began"] for feed in tuple(self._relay.feeds)):
            self._epoch_ended = True
        self._run.take_output()

    def _measure(self, optimizer: Any) -> None:
        run = self._run
        parameters = [each for group in optimizer.param_groups for each in group["params"] if each.grad is not None]
        if not parameters:
            return
        scale = getattr(optimizer, "grad_scale", None)
        if run.state.clip and scale is None:
            norm = clip_gradients(parameters, run.state.clip)
        else:
            norm = norm_of(gradients_of(parameters))
            norm = norm / scale if scale is not None else norm
        run.services.recorder.add_norm(run.state.step + 1, norm.detach())

    def after(self, optimizer: Any) -> None:
        """Let commands take effect after a step."""
        if not self._here:
            return
        try:
            if optimizer is not self._optimizer:
                self._add(optimizer)
                return
            ends = self._ends()
        except Exception as error:  # noqa: BLE001
            self._trouble(error)
            return
        if ends and not self._interrupted:
            self._interrupt()

    def _ends(self) -> bool:
        """Let commands take effect. Returns whether the script is to end here."""
        goes_on = self._run.boundary()
        ends = self._epoch_ended and self._run.state.ending is not None
        self._epoch_ended = False
        return ends or not goes_on

    def _add(self, optimizer: Any) -> None:
        """Take in another optimizer of this process: its rate is on the chart, and set with the others."""
        handle = self._run.services.optimizer
        if handle.overlaid or any(each is optimizer for each in handle.named.values()):
            return
        if set(handle.named) == {""}:
            handle.named = {"optimizer-1": handle.named[""]}
        handle.named[f"optimizer-{len(handle.named) + 1}"] = optimizer

    def _interrupt(self) -> None:
        """Have the script interrupted here, at a step. One that takes no notice goes on."""
        self._interrupted = True
        self._relay.tell({"interrupt": True})
        ends = time.monotonic() + INTERRUPT_SECONDS
        while time.monotonic() < ends and threading.current_thread() is threading.main_thread():
            time.sleep(0.02)  # `KeyboardInterrupt` is raised here

    def _trouble(self, error: Exception) -> None:
        self._told = True
        text = f"the training goes on, but is watched no more: {type(error).__name__}: {error}"
        say(text)
        self._run.events.log(text, self._run.state.step)

    def close(self) -> None:
        """End the run; the watching process knows how the script ended."""
        if os.getpid() == self._pid and not self._run.closed:
            try:
                finish(self._run, None)
            except Exception as error:  # noqa: BLE001
                self._trouble(error)


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
