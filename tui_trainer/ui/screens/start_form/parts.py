"""The parts of a configuration that the form shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from tui_trainer.components.base import choices
from tui_trainer.components.models import AnyModel
from tui_trainer.components.optimizers.first_order import AnyOptimizer
from tui_trainer.components.schedulers.builtin import AnyScheduler
from tui_trainer.errors import UserError
from tui_trainer.ui.forms.changes import Check


@dataclass(frozen=True, slots=True)
class FormPart:
    """One part of a configuration.

    Attributes:
        key: its key.
        name: its name on the screen.
    """

    key: str
    name: str


PARTS = (
    FormPart("model", "model"),
    FormPart("optimizer", "optimizer"),
    FormPart("scheduler", "schedule"),
    FormPart("training", "training"),
)
_UNIONS: dict[str, Any] = {"model": AnyModel, "optimizer": AnyOptimizer, "scheduler": AnyScheduler}
_OWN_CODE = "import"
"""The kind whose code is not part of the program: it needs `--trust`."""


def kinds_of(key: str, value: BaseModel) -> dict[str, type[BaseModel]]:
    """Return the classes to choose from, by kind; none for a part without kinds."""
    if key not in _UNIONS:
        return {}
    present = getattr(value, "kind", "")
    kinds = choices(_UNIONS[key]).items()
    return {kind: model for kind, model in kinds if kind != _OWN_CODE or kind == present}


def started_with(key: str, model: type[BaseModel], check: Check) -> BaseModel | None:
    """Return the value that another kind begins with: what the command line would make of `KEY.kind=KIND`."""
    kind = model.model_fields["kind"].default
    try:
        return getattr(check((f"{key}.kind={kind}",)), key)
    except UserError:
        pass
    try:
        return model()
    except ValidationError:
        return None
