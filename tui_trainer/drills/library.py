"""The drills that come with the program: found by name or number, or drawn by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import preset_tables
from tui_trainer.config.teaching.drill import Drill, DrillMeasurement, drill_of
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import presets_dir

GROUP = "drills"
"""The group of the presets that are drills."""
FILE = "drills.json"
"""The file of the measurements, beside the presets."""


@dataclass(frozen=True, slots=True)
class DrillInfo:
    """One drill, as lists show it: without the cause.

    Attributes:
        name: of the preset.
        title, summary: what can be seen of the illness.
    """

    name: str
    title: str
    summary: str


def list_drills() -> list[DrillInfo]:
    """Return every drill, in the order of their names."""
    return [
        DrillInfo(name, str(table.get("title", name)), str(table.get("summary", "")))
        for name, table in preset_tables().items()
        if table.get("group") == GROUP and "drill" in table
    ]


def find_drill(given: str) -> str:
    """Return the name of a drill for its name or its number. Raises `UserError` where there is none."""
    names = [drill.name for drill in list_drills()]
    name = f"drill-{given}" if given.isdecimal() else given
    if name not in names:
        raise UserError(f"no drill {given!r}; {did_you_mean(name, names)} (`tui-trainer drill --list` lists them)")
    return name


def draw_drill(seed: int, names: Sequence[str] = ()) -> str:
    """Return the name of the drill of a seed: the same one for all who give the same seed; of all drills by default."""
    return random.Random(seed).choice(names or [drill.name for drill in list_drills()])


def load_drill(name: str) -> Drill:
    """Return the definition of a drill of the library. Raises `UserError` where there is none."""
    if name not in {drill.name for drill in list_drills()}:
        raise UserError(f"{name!r} is no drill of this program; `tui-trainer drill --list` lists them")
    drill = load(name).first.drill
    assert drill is not None
    return drill


def measured(name: str) -> DrillMeasurement:
    """Return the committed measurement of a drill.

    Raises:
        UserError: the file cannot be read, or has no measurement of this drill.
    """
    path = presets_dir() / FILE
    table = read_measured(path)
    if name not in table:
        raise UserError(
            f"{path}: no measurement of {name!r}; make it with `tui-trainer drill --measure {path} --force`"
        )
    try:
        return DrillMeasurement.model_validate(table[name])
    except ValidationError as error:
        raise as_user_error(error, DrillMeasurement, str(path), name) from None


def read_measured(path: Path) -> dict[str, Any]:
    """Return the measurements of a file by drill. Raises `UserError` where it cannot be read as such."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the measurements of the drills cannot be read: {error}") from None
    if not isinstance(table, dict):
        raise UserError(f"{path}: holds no measurements of drills; make them with `tui-trainer drill --measure`")
    return table


__all__ = ["GROUP", "DrillInfo", "draw_drill", "drill_of", "find_drill", "list_drills", "load_drill", "measured"]
