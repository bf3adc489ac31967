"""A copy of all that decides the next step of a script's loop, as far as it was handed to its monitor."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.checkpointing.state_tree import copied, size_of
from tui_trainer.engine.train_state import TrainState
from tui_trainer.monitor.parts.kept import load_state, state_of
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers
from tui_trainer.monitor.trying.randomness import RandomSource, read_all, write_all

if TYPE_CHECKING:
    from tui_trainer.monitor.script_run import ScriptRun

OF_RUN = ("clean", "explicit", "counts_batches", "waited", "_counted", "_batches_without", "_rates")
"""Counters of the run that a step changes."""
OF_STATE = ("plan", "epochs", "clip", "lr", "lr_changes_each_step", "step", "epoch", "position", "last_metrics")
"""Progress and settings, as `TrainState` has them."""
OF_RATES = ("_own", "_written", "_initial", "_scales", "_seen", "_recorded")
"""The rates of the script and those in force."""


class LoopCopy:
    """Copies a loop, and puts it back any number of times.

    Tensors are written to in place, so that whatever holds them, such as a captured graph, sees the old values.

    Args:
        run: the run of the loop.
        sources: its generators.
        left: objects that are kept, and move with the loader: they are not put back.
    """

    def __init__(self, run: ScriptRun, sources: Sequence[RandomSource], left: Iterable[Any] = ()) -> None:
        self._run, self._sources = run, sources
        services, state = run.services, run.state
        skipped = {id(each) for each in left}
        self._models = [_ModelCopy(model) for model in services.models.values()]
        self._tensors = _TensorsCopy(loop_tensors(services.models, services.optimizer))
        self._optimizers = [_OptimizerCopy(each) for each in services.optimizer.named.values()]
        self._schedules = copy.deepcopy(services.schedule.state_dict())
        self._kept = {
            name: (kept, copy.deepcopy(state_of(kept)))
            for name, kept in services.kept.items()
            if id(kept) not in skipped
        }
        self._knobs = services.controls.values()
        self._random = read_all(sources)
        self._overlaid = services.optimizer.overlaid
        self._judge = copy.deepcopy(services.early_stopper.state_dict())
        self._epoch = services.recorder.epoch_loss, services.recorder.epoch_samples
        self._seconds = state.timer.read()
        self._state = {name: getattr(state, name) for name in OF_STATE}
        self._fields = [
            _FieldsCopy(run, OF_RUN),
            _FieldsCopy(run.length),
            _FieldsCopy(services.values),
            _FieldsCopy(services.curve),
            _FieldsCopy(services.optimizer, OF_RATES),
        ]

    @property
    def bytes(self) -> int:
        """Size of the copied tensors."""
        kept = sum(size_of(state) for _, state in self._kept.values())
        return self._tensors.bytes + sum(each.bytes for each in (*self._models, *self._optimizers)) + kept

    def restore(self) -> None:
        """Put everything back; what decides the next step has the bits that it had."""
        run, services, state = self._run, self._run.services, self._run.state
        services.controls.load(self._knobs)
        services.optimizer.overlay(on=self._overlaid)
        for model in self._models:
            model.restore()
        self._tensors.restore()
        services.schedule.load_state_dict(copy.deepcopy(self._schedules))
        for optimizer in self._optimizers:
            optimizer.restore()
        for kept, saved in self._kept.values():
            load_state(kept, copy.deepcopy(saved))
        self._restore_state(state)
        for fields in self._fields:
            fields.restore()
        services.early_stopper.load_state_dict(copy.deepcopy(self._judge))
        services.recorder.load_epoch(*self._epoch)
        state.timer.set(self._seconds)
        if run.relay is not None:  # what the tried steps printed belongs to no step
            run.relay.sync()
            run.relay.feeds.clear()
        self.restore_random()

    def restore_random(self) -> None:
        """Put the generators back, and nothing else."""
        write_all(self._sources, self._random)

    def _restore_state(self, state: TrainState) -> None:
        for name, value in self._state.items():
            setattr(state, name, value)


def loop_tensors(models: Mapping[str, nn.Module], optimizers: ScriptOptimizers) -> list[Tensor]:
    """Return all parameters and buffers of models and optimizers, each once."""
    found = [tensor for model in models.values() for tensor in (*model.parameters(), *model.buffers())]
    found += [tensor for group in optimizers.groups for tensor in group["params"]]
    return list({id(tensor): tensor for tensor in found}.values())


class _TensorsCopy:
    """Parameters and buffers with their gradients."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = [(tensor, tensor.detach().clone(), _cloned(tensor.grad)) for tensor in tensors]

    @property
    def bytes(self) -> int:
        return size_of([(value, grad) for _, value, grad in self._tensors])

    def restore(self) -> None:
        with torch.no_grad():
            for tensor, value, grad in self._tensors:
                tensor.copy_(value)
                tensor.grad = _cloned(grad)


class _ModelCopy:
    """The training modes of a model's modules, and what its state has besides tensors."""

    def __init__(self, model: nn.Module) -> None:
        self._modes = [(module, module.training) for module in model.modules()]
        extra = "_extra_state"
        self._extra = {
            name: copy.deepcopy(value)
            for name, value in model.state_dict().items()
            if name == extra or name.endswith(f".{extra}")
        }
        self._model = model
        self.bytes = size_of(self._extra)

    def restore(self) -> None:
        for module, training in self._modes:
            module.training = training
        if self._extra:
            self._model.load_state_dict(copy.deepcopy(self._extra), strict=False)


class _OptimizerCopy:
    """The state and the settings of an optimizer, without the change of types that loading its state dict makes."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._groups = [
            (group, {name: _value(each) for name, each in group.items() if name != "params"}, list(group["params"]))
            for group in optimizer.param_groups
        ]
        own = {id(parameter): parameter for _, _, parameters in self._groups for parameter in parameters}
        self._own = own
        self._state = [(parameter, copy.deepcopy(state, dict(own))) for parameter, state in optimizer.state.items()]
        self.bytes = size_of([state for _, state in self._state])

    def restore(self) -> None:
        optimizer = self._optimizer
        optimizer.param_groups[:] = [group for group, _, _ in self._groups]
        for group, settings, parameters in self._groups:
            for name in group.keys() - settings.keys() - {"params"}:
                del group[name]
            group["params"][:] = parameters
            for name, saved in settings.items():
                group[name] = _put(group.get(name), saved)
        known = {id(parameter) for parameter, _ in self._state}
        for parameter in [each for each in optimizer.state if id(each) not in known]:
            del optimizer.state[parameter]
        for parameter, saved in self._state:
            present = optimizer.state[parameter]
            if not isinstance(present, dict) or not isinstance(saved, dict):
                optimizer.state[parameter] = copy.deepcopy(saved, dict(self._own))
                continue
            for name in [name for name in present if name not in saved]:
                del present[name]
            for name, value in saved.items():
                present[name] = _put(present.get(name), copy.deepcopy(value, dict(self._own)))


class _FieldsCopy:
    """Attributes of an object: numbers, and lists and dicts of them, which stay the same objects."""

    def __init__(self, owner: Any, names: Sequence[str] | None = None) -> None:
        self._owner = owner
        self._saved = {name: _value(getattr(owner, name)) for name in (names or tuple(vars(owner)))}

    def restore(self) -> None:
        for name, saved in self._saved.items():
            present = getattr(self._owner, name, None)
            if isinstance(saved, list) and isinstance(present, list):
                present[:] = saved
            elif isinstance(saved, dict) and isinstance(present, dict):
                present.clear()
                present.update(saved)
            else:
                setattr(self._owner, name, saved)


def _value(given: Any) -> Any:
    """Return a copy of a setting or of a counter; objects of other kinds are the same."""
    return copied(given) if isinstance(given, (Tensor, list, dict, tuple)) else given


def _put(present: Any, saved: Any) -> Any:
    """Return the saved value, in the tensor that is there where it fits."""
    if isinstance(present, Tensor) and isinstance(saved, Tensor):
        if present.shape == saved.shape and present.dtype == saved.dtype and present.device == saved.device:
            with torch.no_grad():
                present.copy_(saved)
            return present
        return saved.clone()
    return _value(saved)


def _cloned(tensor: Tensor | None) -> Tensor | None:
    return tensor.detach().clone() if tensor is not None else None
