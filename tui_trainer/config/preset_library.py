"""The presets that came with the program and the files of others, as tables: what needs titles and no models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError, did_you_mean, nearest
from tui_trainer.paths import presets_dir

Table = dict[str, Any]


def preset_names() -> list[str]:
    """The presets that came with the program, in the order of their names."""
    return sorted(path.stem for path in presets_dir().glob("*.toml"))


def preset_tables() -> dict[str, Table]:
    """The tables of every preset by name, unchecked."""
    return {name: read_toml(presets_dir() / f"{name}.toml") for name in preset_names()}


def find(source: str) -> Path:
    """The file of a preset's name, of a path, or of a run folder. Raises `UserError` with the nearest name."""
    path = Path(source)
    if path.suffix == ".toml" or "/" in source or path.is_dir():
        if path.is_dir() and (path / "run.toml").exists():
            return path / "run.toml"
        if path.is_file():
            return path
        if path.suffix == ".toml" or "/" in source:
            what = "it is a folder without a run.toml" if path.is_dir() else "it does not exist"
            raise UserError(f"no preset file {source!r}: {what}")
    names = preset_names()
    if source in names:
        return presets_dir() / f"{source}.toml"
    raise UserError(
        f"no preset {source!r}; {did_you_mean(source, names)}"
        + ("" if nearest(source, names) is None else " (`tui-trainer presets` lists them)")
    )
