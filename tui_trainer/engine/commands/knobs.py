"""The knobs of the built-in loop: settings of optimizer, model, loss and batches that change while a run trains."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from pydantic import ValidationError
from torch import nn

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.engine import rng
from tui_trainer.engine.commands.actions import plan_again
from tui_trainer.engine.commands.controls import Controls
from tui_trainer.engine.loading.stream_batches import StreamBatches
from tui_trainer.engine.services import TrainingServices
from tui_trainer.engine.setup import choose_passes
from tui_trainer.engine.steps.schedule import apply_schedule
from tui_trainer.engine.train_state import TrainState
from tui_trainer.errors import UserError
from tui_trainer.nn.objectives import Logits
from tui_trainer.nn.transformer import Attention
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.knobs import MAX_KNOB_NAME

Change = Callable[[AnyOptimizer, float], dict[str, Any]]
"""Takes the present optimizer and a value, and returns the fields that change."""
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
GROUP = "rate/"
"""Prefix of the knob, and the series, of a group of parameters: its rate as a multiple of the schedule's."""
OTHERS = "other_weight_decay"
"""The weight decay of the parameters that the second optimizer of a pair steps."""


class BuiltInKnobs:
    """Declares the knobs of a run, and takes them along in its checkpoints.

    Args:
        state: the settings that belong to the run as a whole.
        services: its optimizer, model, loss and batches.
    """

    def __init__(self, state: TrainState, services: TrainingServices) -> None:
        self._state, self._services = state, services
        setup = services.setup
        self._dropouts = [(module, name, float(getattr(module, name))) for module, name in _dropouts(setup.model)]
        """Every layer that drops out, the name of its share, and the share that it was built with."""
        self._dropout: float | None = None
        """The share that was set for all of them; None while they have their own."""
        self._smoothing = setup.objective.label_smoothing if isinstance(setup.objective, Logits) else 0.0
        self._batch_size = setup.batches.size
        self._next: tuple[int, int] | None = None
        """The batch size that was set, and the epoch from which it is in force; None where there is none to come."""
        self.controls = controls = Controls()
        self._declare_optimizer(controls)
        controls.knob(
            "dropout", lambda: self._share, self._set_dropout, low=0.0, high=1.0, refused=self._no_dropout
        )  # fmt: skip
        controls.knob(
            "label_smoothing", lambda: self._smoothed, self._set_smoothing, low=0.0, high=1.0,
            refused=self._no_smoothing,
        )  # fmt: skip
        controls.knob("clip", lambda: self._state.clip, self._set_clip, low=0.0, refused=self._no_clip)
        controls.knob(
            "batch_size", lambda: self._next[0] if self._next else self._present_size, self._set_batch_size,
            low=1, high=max(setup.batches.count // self._joined, 1), unit="samples", refused=self._no_batch_size,
        )  # fmt: skip

    # -- the optimizer ----------------------------------------------------------------------------------------------

    @property
    def _description(self) -> AnyOptimizer:
        return self._services.optimizer.description

    def _declare_optimizer(self, controls: Controls) -> None:
        def field(name: str) -> Callable[[], float]:
            return lambda: float(getattr(self._description, name, 0.0))

        def beta(index: int) -> Callable[[], float]:
            return lambda: float(cast("tuple[float, float]", getattr(self._description, "betas", (0.0, 0.0)))[index])

        declared: list[tuple[str, Callable[[], float], Change, Callable[[], str], float | None]] = [
            ("weight_decay", field("weight_decay"), _all_decays, partial(self._lacks, "weight_decay"), None),
            ("momentum", field("momentum"), lambda _now, value: {"momentum": value}, self._no_momentum, None),
            ("beta1", beta(0), partial(_with_beta, 0), self._no_betas, 1.0),
            ("beta2", beta(1), partial(_with_beta, 1), self._no_betas, 1.0),
        ]
        if hasattr(self._description, OTHERS):
            one: Change = lambda _now, value: {OTHERS: value}  # noqa: E731
            declared.append((OTHERS, field(OTHERS), one, partial(self._lacks, OTHERS), None))
        for name, get, change, refused, high in declared:
            controls.knob(name, get, partial(self._set_optimizer, change), low=0.0, high=high, refused=refused)
        for match in dict.fromkeys(group.match for group in self._description.groups):
            if len(name := f"{GROUP}{match}") <= MAX_KNOB_NAME:
                factor, change = partial(self._factor, match), partial(_with_factor, match)
                refused = partial(self._no_factor, match)
                controls.knob(name, factor, partial(self._set_optimizer, change), low=0.0, refused=refused)

    def _factor(self, match: str) -> float:
        """Return the rate of a group of parameters, as a multiple of the schedule's."""
        return next((group.lr_factor for group in self._description.groups if group.match == match), 1.0)

    def _no_factor(self, match: str) -> str:
        present = self._description
        if not present.rate_matters:
            return f"{present.kind} ignores the learning rate after the first step"
        if any(group.match == match for group in present.groups):
            return ""
        return f"the optimizer has no group {match} any more: set optimizer.groups"

    def _lacks(self, name: str) -> str:
        return "" if hasattr(self._description, name) else f"{self._description.kind} has no {name.replace('_', ' ')}"

    def _no_momentum(self) -> str:
        lacks = self._lacks("momentum")
        return f"{lacks}; beta1 decays its average" if lacks and hasattr(self._description, "betas") else lacks

    def _no_betas(self) -> str:
        lacks = self._lacks("betas")
        return f"{lacks}; it has a momentum" if lacks and hasattr(self._description, "momentum") else lacks

    def _set_optimizer(self, change: Change, value: float) -> None:
        """Set settings of the optimizer as `SetOptimizer` does: its averages and the rate stay."""
        present = self._description
        try:
            wanted = type(present).model_validate({**dict(present), **change(present, value)})
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            raise UserError(f"{value:g}: {message[:1].lower()}{message[1:]}") from None
        self._services.optimizer.replace(wanted, keep=True)
        apply_schedule(self._state, self._services)

    # -- model and loss ---------------------------------------------------------------------------------------------

    @property
    def _share(self) -> float:
        return float(getattr(*self._dropouts[0][:2])) if self._dropouts else 0.0

    def _no_dropout(self) -> str:
        if self._dropouts:
            return ""
        built_without = getattr(self._services.config.model, "dropout", None) == 0
        more = ": it was built with model.dropout = 0" if built_without else ""
        return f"this model has no dropout layer{more}"

    def _set_dropout(self, value: float) -> None:
        if value >= 1:
            raise UserError(f"{value:g}: must be below 1")
        self._dropout = value
        self._follow_dropout()
        self._choose_passes()

    def _follow_dropout(self) -> None:
        for module, name, built in self._dropouts:
            setattr(module, name, built if self._dropout is None else self._dropout)

    @property
    def _smoothed(self) -> float:
        objective = self._services.setup.objective
        return objective.label_smoothing if isinstance(objective, Logits) else 0.0

    def _no_smoothing(self) -> str:
        if isinstance(self._services.setup.objective, Logits):
            return ""
        return f"the loss {self._services.config.loss.kind} has no label smoothing: cross-entropy has"

    def _set_smoothing(self, value: float) -> None:
        objective = self._services.setup.objective
        if isinstance(objective, Logits):
            objective.label_smoothing = value
            self._choose_passes()

    def _choose_passes(self) -> None:
        """Choose the passes again; gradients and generators are as before, afterwards."""
        setup = self._services.setup
        gradients = [parameter.grad for parameter in setup.parameters]
        states = rng.state_dict(setup.device)
        try:
            choose_passes(setup, self._services.config.training, self._log)
        finally:
            rng.load_state_dict(states, setup.device)
            for parameter, gradient in zip(setup.parameters, gradients, strict=True):
                parameter.grad = gradient

    def _log(self, line: str) -> None:
        self._services.events.log(line, self._state.step)

    # -- clipping ---------------------------------------------------------------------------------------------------

    def _no_clip(self) -> str:
        try:
            self._services.check_optimizer(self._description, 1.0)
        except UserError as error:
            return str(error)
        return ""

    def _set_clip(self, value: float) -> None:
        self._state.clip = value

    # -- batches ----------------------------------------------------------------------------------------------------

    def _no_batch_size(self) -> str:
        batches = self._services.setup.batches
        if isinstance(batches, StreamBatches):
            return "the loader of this run cuts its own batches"
        if batches.sampling == "full":
            return 'data.sampling = "full" takes all samples in each step'
        return "" if batches.count > 1 else "the data has one sample"

    @property
    def _joined(self) -> int:
        """The batches that one step joins, where gradients are accumulated."""
        return self._services.config.training.accumulate

    @property
    def _present_size(self) -> int:
        return -(-self._services.setup.batches.size // self._joined)

    def _set_batch_size(self, value: int) -> None:
        """Set the size of the batches from the next epoch on; at once where no batch of this one was trained."""
        state = self._state
        begun = state.position > 0
        self._next = (value, state.epoch + begun)
        if not begun:
            state.rewound = True  # its batches have been cut already

    @property
    def detail(self) -> str:
        """When the batch size that was set is in force, in words."""
        return f"from epoch {self._next[1] + 1} on" if self._next else ""

    def begin_epoch(self) -> None:
        """Cut the batches of the epoch that begins now in the size that was set, and plan the schedule in samples."""
        state, services = self._state, self._services
        if self._next is None or state.position or state.epoch < self._next[1]:
            return
        size, self._next = self._next[0], None
        batches = services.setup.batches
        before = batches.size
        if size == self._present_size:
            return
        batches.resize(size * self._joined)
        state.plan = state.plan.with_batch_size(
            batches.size, batches.per_epoch, step=state.step, epoch=state.epoch, epochs=state.epochs, before=before
        )
        plan_again(state, services.config.actions)
        self._choose_passes()
        services.events.publish(
            ev.SettingChanged(name="batch_size", value=batches.size, previous=before, plan=state.plan, step=state.step)
        )

    # -- state ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Return what is set otherwise than in the configuration, besides what optimizer and settings hold already."""
        size, smoothing = self._services.setup.batches.size, self._smoothed
        return {
            **({"dropout": self._dropout} if self._dropout is not None else {}),
            **({"label_smoothing": smoothing} if smoothing != self._smoothing else {}),
            **({"batch_size": size} if size != self._batch_size else {}),
            **({"next_batch_size": list(self._next)} if self._next is not None else {}),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Load what `state_dict` returned."""
        setup = self._services.setup
        before = self._share, self._smoothed, setup.batches.size
        self._dropout = saved.get("dropout")
        self._follow_dropout()
        if isinstance(setup.objective, Logits):
            setup.objective.label_smoothing = float(saved.get("label_smoothing", self._smoothing))
        if (size := int(saved.get("batch_size", self._batch_size))) != setup.batches.size:
            setup.batches.resize(size)
        size, epoch = saved.get("next_batch_size", (None, 0))
        self._next = (int(size), int(epoch)) if size is not None else None
        if before != (self._share, self._smoothed, setup.batches.size):
            self._choose_passes()


def _all_decays(present: AnyOptimizer, value: float) -> dict[str, Any]:
    return {name: value for name in ("weight_decay", OTHERS) if hasattr(present, name)}


def _with_factor(match: str, present: AnyOptimizer, value: float) -> dict[str, Any]:
    groups = [
        group.model_copy(update={"lr_factor": value}) if group.match == match else group for group in present.groups
    ]
    return {"groups": groups}


def _with_beta(index: int, present: AnyOptimizer, value: float) -> dict[str, Any]:
    betas = list(cast("tuple[float, float]", getattr(present, "betas", (0.0, 0.0))))
    betas[index] = value
    return {"betas": tuple(betas)}


def _dropouts(model: nn.Module) -> list[tuple[nn.Module, str]]:
    """Return the layers of a model that drop out, each with the name of the attribute that holds its share."""
    found: list[tuple[nn.Module, str]] = []
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            found.append((module, "p"))
        elif isinstance(module, (Attention, nn.MultiheadAttention)):
            found.append((module, "dropout"))
    return found
