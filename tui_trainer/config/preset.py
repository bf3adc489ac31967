"""Load a preset, a TOML file or a recorded run as validated run configurations."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w
from pydantic import ValidationError

from tui_trainer.config.measured_values import filled
from tui_trainer.config.permissions.allow import with_tables
from tui_trainer.config.preset_library import Table, find
from tui_trainer.config.preset_library import preset_names as preset_names
from tui_trainer.config.preset_library import preset_tables as preset_tables
from tui_trainer.config.run_config import FAMILIES, RunConfig
from tui_trainer.config.script_command import script_command
from tui_trainer.config.toml import read_toml
from tui_trainer.config.typed_values import TypedValue, validated
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import new_name, presets_dir

DEFAULT_PRESET = "digits-mlp"


@dataclass(frozen=True, slots=True)
class Preset:
    """The runs of one preset.

    Attributes:
        name: of the preset.
        source: file or preset name, for error messages.
        runs: configurations by variant name; a single run has the empty name.
    """

    name: str
    source: str
    runs: dict[str, RunConfig]

    @property
    def first(self) -> RunConfig:
        """The configuration of the first run."""
        return next(iter(self.runs.values()))


def load(source: str, overrides: Sequence[str] = ()) -> Preset:
    """Load the preset, file or run directory `source`, and apply `KEY=VALUE` overrides.

    Raises:
        UserError: there is no such preset, the file is not TOML, or a key, kind or value is invalid.
    """
    path = find(source)
    table = read_toml(path)
    if not table and path.name == "run.toml":  # defaults alone would be another run
        raise UserError(f"{path}: the file is empty, so the configuration of this run is lost")
    name = path.parent.name if path.name == "run.toml" else path.stem
    return build(
        table, name=name, source=str(path) if path.parent != presets_dir() else f"preset {name}", overrides=overrides
    )


def build(table: Table, *, name: str, source: str, overrides: Sequence[str] = ()) -> Preset:
    """Validate a preset's table and return its runs, with `KEY=VALUE` overrides applied."""
    if table.get("kind") == "script":
        raise UserError(f"{source}: a training script made this run; start it again with: {script_command(table)}")
    table = filled(copy.deepcopy(table), source)
    table = with_tables(table)
    table.pop("claims", None)  # of a lesson; they belong to its course, not to its runs
    variants = table.pop("variant", [])
    if not isinstance(variants, list) or not all(isinstance(variant, dict) for variant in variants):
        raise UserError(f"{source}: variant: must be a list of tables, written as [[variant]]")
    given = [_typed(text) for text in overrides]
    runs: dict[str, RunConfig] = {}
    for number, variant in enumerate(variants or [{}], start=1):
        changes = dict(variant)
        label = new_name(str(changes.pop("name", f"variant-{number}")), f"{source}: variant.name") if variants else ""
        if label in runs:
            raise UserError(f"{source}: variant.name: {label!r} is used twice; give each variant its own name")
        merged = merge(table, changes)
        runs[label] = check(merged, source if not label else f"{source}: variant {label}")
        if given:
            runs[label] = _overridden(merged, given, overrides)
    return Preset(name=name, source=source, runs=runs)


def _overridden(table: Table, given: Sequence[TypedValue], texts: Sequence[str]) -> RunConfig:
    """Return the configuration of a table with the settings of the command line."""

    def validate(values: Sequence[Any]) -> RunConfig:
        merged = table
        for typed, value, text in zip(given, values, texts, strict=True):
            merged = merge(merged, _nested(typed.path, value, text))
        return RunConfig.model_validate(merged)

    try:
        return validated(validate, given)
    except ValidationError as error:
        raise as_user_error(error, RunConfig, "command line") from None


def check(table: Table, source: str) -> RunConfig:
    """Validate the table of one run; `source` names it in errors.

    Raises:
        UserError: a key, kind or value is invalid; the message gives the key path and what is allowed.
    """
    try:
        return RunConfig.model_validate(table)
    except ValidationError as error:
        raise as_user_error(error, RunConfig, source) from None


def parse_override(text: str) -> tuple[list[str], Any, str]:
    """Parse `optimizer.lr=0.01` into key path, value and text: (["optimizer", "lr"], 0.01, "optimizer.lr=0.01")."""
    typed = _typed(text)
    return list(typed.path), typed.value, text


def _typed(text: str) -> TypedValue:
    key, equals, value = text.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or not all(path) or len(path) > 4:
        raise UserError(f"{text!r}: write KEY=VALUE, for example optimizer.lr=0.01")
    return TypedValue.of(path, value)


def _nested(path: Sequence[str], value: Any, text: str) -> Table:
    if path[0] not in RunConfig.model_fields:
        raise UserError(
            f"command line: {text!r}: unknown key {path[0]!r}; {did_you_mean(path[0], RunConfig.model_fields)}"
        )
    for part in reversed(path):
        value = {part: value}
    return value


def merge(base: Table, changes: Table) -> Table:
    """Return `base` updated with `changes`, merged table by table.

    If `changes` sets another `kind`, only the fields that all kinds of the family share are kept (for example the batch
    size or the learning rate), because the other fields belong to the old kind.
    """
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if "kind" in value and key in FAMILIES and value["kind"] != old.get("kind"):
                shared = FAMILIES[key].model_fields.keys() - {"kind"}
                old = {name: setting for name, setting in old.items() if name in shared}
            merged[key] = merge(old, value)
        elif isinstance(value, dict) and key == "pictures" and isinstance(old, list | tuple | None):
            merged[key] = _pictures(old or (), value)
        else:
            merged[key] = value
    return merged


def _pictures(pictures: Sequence[Any], changes: Table) -> list[Any]:
    """Return the pictures with the fields of some changed, as in `pictures.fit.gigabytes=24`; others are added."""
    tables: list[Table] = [{"kind": picture} if isinstance(picture, str) else dict(picture) for picture in pictures]
    given = dict(changes)
    changed: list[Any] = []
    for table in tables:
        fields = given.pop(str(table.get("kind", "")), {})
        changed.append(merge(table, fields) if isinstance(fields, dict) else fields)
    added = [{"kind": kind, **fields} if isinstance(fields, dict) else fields for kind, fields in given.items()]
    return [*changed, *added]


def dump(config: RunConfig) -> str:
    """Return the full configuration as TOML; loading it again gives an equal configuration."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))
