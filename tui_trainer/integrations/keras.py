"""A callback for `Model.fit` of Keras 3; on its torch backend everything can be steered."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any

from tui_trainer.integrations.installed import required
from tui_trainer.integrations.library_loop import LibraryLoop
from tui_trainer.integrations.library_monitor import Declare, LibraryMonitor

_keras: Any = required("keras", "keras")
_Callback: Any = _keras.callbacks.Callback

REFUSED = {
    "SetOptimizer": "the model was compiled with its optimizer",
    "SetEpochs": "fit was given its epochs",
    "SetClip": "the optimizer clips by its own clipnorm, which was compiled with it",
    "Evaluate": "a callback of Keras does not know the validation data; fit validates after each epoch",
    "ShowAnswers": "fit knows its data; declare an action that logs what the model answers",
}
CHANGES = ("SetLearningRate", "SetScheduler", "SaveCheckpoint", "RollBack", "Undo", "Redo")
"""Commands that change the training or read its weights."""


class KerasOptimizer:
    """The optimizer of Keras as one of torch: a parameter group with its rate, and its state.

    Args:
        optimizer: that of the model.
    """

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        self.param_groups: list[dict[str, Any]] = [_RateGroup(optimizer)]

    def step(self) -> None:
        """Do nothing: Keras takes the steps."""

    def state_dict(self) -> dict[str, Any]:
        """Return the variables of the optimizer; the tensors are the live ones."""
        return {f"{index}": variable.value.detach() for index, variable in enumerate(self._optimizer.variables)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the variables of the optimizer."""
        for index, variable in enumerate(self._optimizer.variables):
            variable.assign(state[f"{index}"])


class _RateGroup(dict[str, Any]):
    """A parameter group whose rate is the variable of Keras, which is in single precision."""

    def __init__(self, optimizer: Any) -> None:
        super().__init__(params=[], lr=0.0)
        self._optimizer = optimizer
        self._held = self._shown = float("nan")
        """The rate in the variable, and the one that it stands for."""

    def __getitem__(self, key: str) -> Any:
        return self._rate() if key == "lr" else super().__getitem__(key)

    def __setitem__(self, key: str, value: Any) -> None:
        if key != "lr":
            super().__setitem__(key, value)
            return
        self._optimizer.learning_rate = value
        self._held, self._shown = _number(self._optimizer.learning_rate), float(value)

    def items(self) -> Any:
        """Return the entries, with the present rate."""
        return [(key, self[key]) for key in self]

    def update(self, given: Mapping[str, Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Set entries."""
        for key, value in given.items():
            self[key] = value

    def _rate(self) -> float:
        held = _number(self._optimizer.learning_rate)
        if held != self._held:
            import numpy

            self._held, self._shown = held, float(str(numpy.float32(held)))
        return self._shown


def _number(rate: Any) -> float:
    """Return a rate of Keras as a number."""
    value = getattr(rate, "value", rate)
    return float(value.item() if hasattr(value, "item") else value)


class KerasMonitor(_Callback):
    """Watch and steer `fit`: `model.fit(..., callbacks=[MonitorCallback("my-run")])`.

    Args:
        name: of the run.
        declare: called with the monitor once it is made, to declare knobs, actions and what is kept.
        options: arguments of `Monitor`: runs_dir, save, best, patience, config, quiet and others.
    """

    def __init__(self, name: str = "keras", *, declare: Declare | None = None, **options: Any) -> None:
        super().__init__()
        self._loop = LibraryLoop(name, options, declare)
        self._watched: Any = None
        """The model whose loss is watched."""
        self._batch = -1
        self._trains = False
        """Whether a batch is on its way: what is computed between two of them is a validation."""
        self._bracketed: list[tuple[Any, str]] = []

    @property
    def monitor(self) -> LibraryMonitor | None:
        """The monitor of the training; None outside of one. Each of several processes has one."""
        return self._loop.monitor

    # -- the training -----------------------------------------------------------------------------------------------

    def on_train_begin(self, logs: Any = None) -> None:
        """Forget an earlier training."""
        self._loop.end()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begin the run with the first epoch."""
        self._batch = -1
        if not self._loop.runs:
            self._begin(epoch)

    def _begin(self, epoch: int) -> None:
        model, steps = self.model, int(self.params.get("steps") or 0)
        optimizer = model.optimizer
        on_torch = _keras.backend.backend() == "torch"
        self._loop.begin(
            model=model if on_torch else None,
            optimizer=KerasOptimizer(optimizer),
            config=_described(optimizer),
            epochs=int(self.params.get("epochs") or 0),
            per_epoch=steps,
            step=epoch * steps,
            epoch=epoch,
            refused=REFUSED | refused_of(optimizer),
        )
        if self.monitor is None:
            return
        if on_torch:
            self._watched = model
            model.compute_loss = self._loss_of(model.compute_loss)
        self._bracket_schedules()

    def _loss_of(self, compute_loss: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function of the model that computes its loss, with the loss of each training batch logged."""

        def watched(*arguments: Any, **named: Any) -> Any:
            loss = compute_loss(*arguments, **named)
            if self._trains and self.monitor is not None:
                self.monitor.log(loss=loss)
            return loss

        return watched

    def _bracket_schedules(self) -> None:
        """Let the callbacks of Keras that set the rate see and set the script's own, while another is in force."""
        kinds = (_keras.callbacks.LearningRateScheduler, _keras.callbacks.ReduceLROnPlateau)
        found = [each for each in gc.get_objects() if issubclass(type(each), kinds) and each.model is self.model]
        for callback in found:
            for name in ("on_epoch_begin", "on_epoch_end"):
                setattr(callback, name, self._bracket(getattr(callback, name)))
                self._bracketed.append((callback, name))

    def _bracket(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def bracketed(*arguments: Any, **named: Any) -> Any:
            rates = self.monitor.rates if self.monitor is not None else None
            overlaid = rates is not None and rates.overlaid
            if rates is None or not overlaid:
                return call(*arguments, **named)
            rates.reclaim()
            rates.give_own()
            try:
                return call(*arguments, **named)
            finally:
                rates.take_own()
                if self.monitor is not None:
                    self.monitor.settle()

        return bracketed

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hold a rate set by hand against what another callback has written."""
        self._trains = True
        if self.monitor is not None:
            rates = self.monitor.rates
            if rates is not None and rates.overlaid:
                rates.reclaim()
            self.monitor.batch_begins()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Record the step, and let commands take effect."""
        monitor, steps, self._batch = self.monitor, batch - self._batch, batch
        self._trains = False
        if monitor is not None:
            if self._watched is None and "loss" in (logs or {}):
                monitor.log(loss=logs["loss"])
            for _ in range(max(steps, 1)):
                monitor.count_step()
        if not self._loop.boundary():
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """End the epoch with its metrics."""
        if self.monitor is not None:
            metrics = {_series(name): value for name, value in (logs or {}).items() if name != "learning_rate"}
            self.monitor.end_epoch(metrics)
        if self._loop.runs and not self._loop.boundary():
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """End the run."""
        if self._watched is not None:
            vars(self._watched).pop("compute_loss", None)
            self._watched = None
        for callback, name in self._bracketed:
            vars(callback).pop(name, None)
        self._bracketed.clear()
        self._loop.end()


def refused_of(optimizer: Any) -> dict[str, str]:
    """Return the commands that this backend or this optimizer does not allow, each with the reason."""
    backend = _keras.backend.backend()
    if backend != "torch":
        return dict.fromkeys(CHANGES, f"Keras runs on {backend}: only on its torch backend can this be steered")
    rate = getattr(optimizer, "_learning_rate", None)
    if isinstance(rate, _keras.optimizers.schedules.LearningRateSchedule):
        reason = (
            f"the optimizer was compiled with the LearningRateSchedule {type(rate).__name__}, "
            "which Keras evaluates at each step; compile it with a number to set the rate"
        )
        return dict.fromkeys(("SetLearningRate", "SetScheduler"), reason)
    return {}


def _described(optimizer: Any) -> dict[str, Any]:
    """Return the settings of the optimizer, for run.toml."""
    return {"optimizer": {"kind": type(optimizer).__name__, **optimizer.get_config()}}


def _series(name: str) -> str:
    """Return the series of a metric that Keras names; its own metrics are those of the training."""
    return name if name.startswith(("val_", "train_")) else f"train_{name}"


MonitorCallback = KerasMonitor
"""The name that the callback has in every library."""
