"""Configurations of runs as flat tables by dotted key, read without importing the models of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError


def flat_config(path: Path) -> dict[str, Any]:
    """Return a run's configuration by dotted key, empty where it cannot be read."""
    try:
        table = read_toml(path / "run.toml")
    except UserError:
        return {}
    return flattened(table)


def flattened(table: Mapping[str, Any]) -> dict[str, Any]:
    """Flatten nested tables to one table by dotted key."""
    flat: dict[str, Any] = {}

    def walk(value: Any, key: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, f"{key}.{name}" if key else str(name))
        else:
            flat[key] = value

    walk(table, "")
    return flat


def differing_keys(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the keys in which flat configurations differ."""
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if any(config.get(key) != configs[0].get(key) for config in configs)]
