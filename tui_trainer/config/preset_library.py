"""Find presets by name or path and read their tables, unvalidated: lists of presets need titles, no models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tui_trainer.config.measured_values import filled
from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError, did_you_mean, nearest
from tui_trainer.paths import expanded, presets_dir

Table = dict[str, Any]

COURSE_FILE = "course.toml"
"""The file of a course beside its lessons, which is no preset."""


def preset_files() -> dict[str, Path]:
    """Return the file of every bundled preset by name, sorted by name."""
    files = sorted(presets_dir().glob("*.toml"), key=lambda path: path.stem)
    return {path.stem: path for path in files if path.name != COURSE_FILE}


def preset_names() -> list[str]:
    """Return the names of the bundled presets, sorted."""
    return list(preset_files())


def preset_tables() -> dict[str, Table]:
    """Return the table of every bundled preset by name, unvalidated, with its quoted numbers filled in."""
    return {name: filled(read_toml(path), f"preset {name}") for name, path in preset_files().items()}


def find(source: str) -> Path:
    """Return the TOML file for the name of a bundled preset, the path of a file, or a run directory.

    Raises:
        UserError: there is no such preset; the message gives the nearest name.
    """
    files = preset_files()
    if source in files:  # whatever lies in the working directory
        return files[source]
    path = expanded(source)
    if path.suffix == ".toml" or "/" in source or path.is_dir():
        if path.is_dir() and (path / "run.toml").exists():
            return path / "run.toml"
        if path.is_file():
            return path
        if path.suffix == ".toml" or "/" in source:
            reason = "the directory has no run.toml" if path.is_dir() else "it does not exist"
            raise UserError(f"no preset file {source!r}: {reason}")
    raise UserError(
        f"no preset {source!r}; {did_you_mean(source, files)}"
        + ("" if nearest(source, files) is None else " (`tui-trainer presets` lists them)")
    )
