"""From a preset, a file or a finished run to the runs that it describes."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tomli_w
from pydantic import ValidationError

from tui_trainer.config.preset_library import Table, find
from tui_trainer.config.preset_library import preset_names as preset_names
from tui_trainer.config.preset_library import preset_tables as preset_tables
from tui_trainer.config.run_config import FAMILIES, RunConfig
from tui_trainer.config.toml import parse_toml, read_toml
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import checked_name, presets_dir

DEFAULT_PRESET = "digits-mlp"


@dataclass(frozen=True, slots=True)
class Preset:
    """What a file describes: one run, or the variants of a group, by name (empty for a single run)."""

    name: str
    source: str
    runs: dict[str, RunConfig]

    @property
    def first(self) -> RunConfig:
        """The first run: it speaks for the group."""
        return next(iter(self.runs.values()))


def load(source: str, overrides: Sequence[str] = ()) -> Preset:
    """The preset named `source`, or the file or run folder of that path, with `KEY=VALUE` overrides applied.

    Raises:
        UserError: nothing of that name; not TOML; a key, a kind or a value that is not allowed.
    """
    path = find(source)
    table = read_toml(path)
    if not table and path.name == "run.toml":  # nothing at all would be a run of defaults, which this one never was
        raise UserError(f"{path}: empty: the configuration of this run is lost")
    name = path.parent.name if path.name == "run.toml" else path.stem
    return build(
        table, name=name, source=str(path) if path.parent != presets_dir() else f"preset {name}", overrides=overrides
    )


def build(table: Table, *, name: str, source: str, overrides: Sequence[str] = ()) -> Preset:
    """The runs that a preset's table describes."""
    table = copy.deepcopy(table)
    variants = table.pop("variant", [])
    if not isinstance(variants, list) or not all(isinstance(variant, dict) for variant in variants):
        raise UserError(f"{source}: variant: must be tables, written [[variant]]")
    given = [parse_override(text) for text in overrides]
    runs: dict[str, RunConfig] = {}
    for number, variant in enumerate(variants or [{}], start=1):
        changes = dict(variant)
        label = (
            checked_name(str(changes.pop("name", f"variant-{number}")), f"{source}: variant.name") if variants else ""
        )
        if label in runs:
            raise UserError(f"{source}: variant.name: {label!r} is there twice")
        merged = merge(table, changes)
        runs[label] = check(merged, source if not label else f"{source}: variant {label}")
        for path, value, text in given:
            merged = merge(merged, _nested(path, value, text))
        if given:
            runs[label] = check(merged, "command line")
    return Preset(name=name, source=source, runs=runs)


def check(table: Table, source: str) -> RunConfig:
    """The run that a table describes. Raises `UserError` with file, key path, what was given and what is allowed."""
    try:
        return RunConfig.model_validate(table)
    except ValidationError as error:
        raise as_user_error(error, RunConfig, source) from None


def parse_override(text: str) -> tuple[list[str], Any, str]:
    """`optimizer.lr=0.01` as (["optimizer", "lr"], 0.01, the text). A value that is not TOML is a string."""
    key, equals, value = text.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or not all(path) or len(path) > 4:
        raise UserError(f"{text!r}: write KEY=VALUE, for example optimizer.lr=0.01")
    return path, parse_value(value, key), text


def parse_value(value: str, key: str) -> Any:
    """A value in TOML syntax; a bare word is a string."""
    value = value.strip()
    if len(value) > 4096:
        raise UserError(f"{key}: a value of more than 4,096 characters")
    try:
        return parse_toml(f"value = {value}\n", key)["value"]
    except (UserError, tomllib.TOMLDecodeError, KeyError):
        if value[:1] in "[{\"'":
            raise UserError(f"{key}: {value!r} is not TOML") from None
        return value


def _nested(path: list[str], value: Any, text: str) -> Table:
    if path[0] not in RunConfig.model_fields:
        raise UserError(
            f"command line: {text!r}: unknown key {path[0]!r}; {did_you_mean(path[0], RunConfig.model_fields)}"
        )
    for part in reversed(path):
        value = {part: value}
    return value


def merge(base: Table, changes: Table) -> Table:
    """`base` with `changes` laid over it, table by table.

    Another `kind` in a table takes over only what every kind of the family shares (a batch size, a learning rate):
    the old kind's own fields mean nothing to the new one.
    """
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            if "kind" in value and key in FAMILIES and value["kind"] != old.get("kind"):
                old = {
                    name: held for name, held in old.items() if name in FAMILIES[key].model_fields and name != "kind"
                }
            merged[key] = merge(old, value)
        else:
            merged[key] = value
    return merged


def dump(config: RunConfig) -> str:
    """The resolved configuration as TOML: reading it back gives the same run."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))
