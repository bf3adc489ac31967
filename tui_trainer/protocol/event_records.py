"""The records and words that events are made of."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.knobs import KnobValue

Status = Literal["starting", "running", "paused", "stopping", "finished", "failed"]
Reason = Literal["completed", "early-stopped", "stopped", "interrupted", "not-finite", "failed", "refused"]
Severity = Literal["alarm", "warning", "note"]
Number = float | None
"""A float, None (`null` in a line) where it was not finite."""


class Best(BaseModel):
    """The best epoch so far, by the monitored metric."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    epoch: int
    step: int
    metric: str
    value: float


class Layer(BaseModel):
    """Statistics of one layer at one step. A value that was not measured is null.

    Attributes:
        grad_norm: norm of the gradient.
        weight_norm: norm of the weights.
        update_ratio: norm of the update divided by the norm of the weights.
        activation_std: standard deviation of its hidden activations on the validation split, at the end of some epochs.
        dead: fraction of its ReLUs that are 0 for every sample of the validation split.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", defer_build=True)

    grad_norm: Number = None
    weight_norm: Number = None
    update_ratio: Number = None
    activation_std: Number = None
    dead: Number = None


class Restored(BaseModel):
    """The settings of a run after an undo or a redo."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    from_step: int
    """Step at which the user asked for the undo or the redo."""
    undid: str
    """Id of the undone command. Everything after it is undone too. For a redo, the one that is no longer undone."""
    redone: bool = False
    """Whether this is a redo: the branch that the undo of `undid` left continues from its last step, `step`."""
    seconds: float
    epochs: int
    lr: float
    clip_grad_norm: float
    patience: int
    min_delta: float
    early_stopping: bool
    bad_epochs: int
    plan: LrPlan
    optimizer: AnyOptimizer | None
    """None for an optimizer that a script made itself."""
    best: Best | None = None
    knobs: dict[str, KnobValue] = {}
    """The values of the controls that a script declares, by name."""


class FindingAction(BaseModel):
    """One thing to do about a finding.

    Attributes:
        label: what it does, in words.
        action: id of the action of the screen that does it; empty if none does.
        value: initial text of the form that the action opens.
        reason: why no action of the screen does it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    label: str
    action: str = ""
    value: str = ""
    reason: str = ""
