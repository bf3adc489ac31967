"""The presets that came with the program, as tables: for lists, which need titles and not models."""

from __future__ import annotations

from typing import Any

from tui_trainer.config.toml import read_toml
from tui_trainer.paths import presets_dir

Table = dict[str, Any]


def preset_names() -> list[str]:
    """The presets that came with the program, in the order of their names."""
    return sorted(path.stem for path in presets_dir().glob("*.toml"))


def preset_tables() -> dict[str, Table]:
    """The tables of every preset by name, unchecked."""
    return {name: read_toml(presets_dir() / f"{name}.toml") for name in preset_names()}
