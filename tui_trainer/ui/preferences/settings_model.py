"""The settings as a pydantic model, so that the same form edits them as any other model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from math import isfinite
from typing import Any, get_type_hints

from pydantic import BaseModel, Field, create_model

from tui_trainer.components.base import documented_fields
from tui_trainer.ui.forms.model_fields import FieldSpec, specs
from tui_trainer.ui.settings import Settings

NOT_IN_FORM = ("allow", "keys", "hosts")
"""Settings that only the file changes."""
_BOUNDS = {"above": "gt", "least": "ge", "most": "le"}
ACT_AT_ONCE = ("theme", "bell", "notify")
"""Settings that act without a new start of the screen."""


def settings_model() -> type[BaseModel]:
    """Return a model with the fields, defaults and bounds of `Settings`."""
    hints = get_type_hints(Settings)
    members: dict[str, Any] = {}
    for known in fields(Settings):
        if known.name not in NOT_IN_FORM and known.default is not MISSING:
            bounds = {_BOUNDS[name]: bound for name, bound in known.metadata.items() if isfinite(bound)}
            members[known.name] = (hints[known.name], Field(default=known.default, **bounds))
    return create_model("SettingsModel", **members)


def setting_specs(model: type[BaseModel], sources: Mapping[str, str]) -> tuple[FieldSpec, ...]:
    """Describe the settings for a form: the bounds with the source of the value, and the help of `Settings`."""
    texts = documented_fields(Settings)
    described: list[FieldSpec] = []
    for spec in specs(model):
        later = "" if spec.name in ACT_AT_ONCE else " Acts at the next start."
        help_text = texts.get(spec.name, "").replace("\n", " ") + later
        bounds = " · ".join(part for part in (spec.bounds, sources.get(spec.name, "")) if part)
        described.append(replace(spec, help=help_text, bounds=bounds))
    return tuple(described)


def sources_of(used: Settings, table: Mapping[str, Any], filename: str) -> dict[str, str]:
    """Return where each value comes from: the file, its default, or the command line."""
    sources: dict[str, str] = {}
    for known in fields(Settings):
        value = getattr(used, known.name)
        if known.name in table:
            sources[known.name] = f"from {filename}" if table[known.name] == value else "from the command line"
        else:
            sources[known.name] = "default" if known.default == value else "from the command line"
    return sources
