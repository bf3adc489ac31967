"""Find presets by name or path and read their tables, unvalidated: lists of presets need titles, no models."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tui_trainer.config.measured_values import filled
from tui_trainer.config.toml import parse_toml, read_toml
from tui_trainer.errors import UserError, did_you_mean, nearest
from tui_trainer.paths import expanded, presets_dir

Table = dict[str, Any]

COURSE_FILE = "course.toml"
"""The file of a course beside its lessons, which is no preset."""
_SECTION = re.compile(r"^(?=\[)", re.MULTILINE)


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


def listed_tables() -> dict[str, Table]:
    """Return what a list shows of every bundled preset: title, summary, group, variants, and `lesson` if it has one.

    Only these sections of a file are parsed: most of the text of a lesson is its remarks and questions.
    """
    return {name: filled(_listed(path), f"preset {name}") for name, path in preset_files().items()}


def _listed(path: Path) -> Table:
    try:
        top, *sections = _SECTION.split(path.read_text(encoding="utf-8"))
        kept = [top, *(section for section in sections if section.startswith("[[variant]]"))]
        if any(section.startswith(("[lesson]", "[lesson.", "[[lesson.")) for section in sections):
            kept.append("[lesson]\n")
        if not any(section.count(quotes) % 2 for section in kept for quotes in ('"""', "'''")):
            return parse_toml("".join(kept), str(path))
    except (OSError, ValueError, UserError):
        pass
    return read_toml(path)  # a text has a line that begins with a bracket, or the file is broken


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
