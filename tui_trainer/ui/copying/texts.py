"""A text to copy, and those of runs and presets in a list.

Foreign text is made visible before it is copied. Numbers are written in full, so that they read back to the same float.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_trainer.config.script_command import script_command_of
from tui_trainer.runs.run_filter import config_of
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.text import visible

MOST_BYTES = 70_000
"""Longest text that is copied: most terminals refuse more in one sequence."""


@dataclass(frozen=True, slots=True)
class Copyable:
    """A text that can be copied.

    Attributes:
        letter: the key that copies it.
        name: a few words for it.
        text: the text; lines are separated by newlines, the columns of a table by tabs.
    """

    letter: str
    name: str
    text: str

    @property
    def told(self) -> str:
        """The text in one line: a long one by its first line and its length."""
        first, *others = self.text.splitlines() or [""]
        first = visible(first.replace("\t", "  "))
        return f"{first} ... ({len(others) + 1} lines)" if others else first


def limited(offered: Iterable[Copyable]) -> list[Copyable]:
    """Return the texts that are not empty, each cut to what terminals accept: the newest lines of a long one stay."""
    return [Copyable(each.letter, each.name, _cut(each.text)) for each in offered if each.text]


def _cut(text: str) -> str:
    if len(text.encode()) <= MOST_BYTES:
        return text
    return text.encode()[-MOST_BYTES:].decode(errors="ignore").partition("\n")[2]


def run_copies(rows: Sequence[Sequence[str]], selected: int) -> list[Copyable]:
    """Return the row of a run under the headings, and the table of all.

    Args:
        rows: the headings, then a row for each run.
        selected: position of the run.
    """
    lines = [row_text(row) for row in rows]
    return [
        Copyable("w", "the row of this run", "\n".join((lines[0], lines[1 + selected]))),
        Copyable("t", "the table of the runs", "\n".join(lines)),
    ]


def row_text(cells: Iterable[str]) -> str:
    """Return the cells of a row, separated by tabs."""
    return "\t".join(visible(cell) for cell in cells)


def preset_copies(name: str, title: str = "") -> list[Copyable]:
    """Return what can be copied of a preset in a list."""
    command = Copyable("r", "the command that trains it", f"tui-trainer run {quoted(name)}")
    return limited([Copyable("n", "its name", visible(name)), Copyable("t", "its title", visible(title)), command])


def run_info_copies(info: RunInfo) -> list[Copyable]:
    """Return what can be copied of a run in a list."""
    folder, effect = str(Path(info.path).absolute()), "attach" if info.live else "open"
    config = config_of(info)
    trust = " --trust" if imports_code(config) else ""
    again = f"tui-trainer run {quoted(f'{folder}/run.toml')}{trust}"
    if config.get("kind") == "script":
        again = script_command_of(folder)
    metrics = [f"{visible(name)}={value!r}" for name, value in info.metrics.items() if isinstance(value, float)]
    return limited(
        [
            Copyable("n", "its name", visible(info.name)),
            Copyable("p", "its folder", visible(folder)),
            Copyable("v", "its newest values", " ".join([f"epoch={info.epoch} step={info.step}", *metrics])),
            Copyable("r", "the command that repeats it", again),
            Copyable("o", f"the command that {effect}s it", f"tui-trainer {effect} {quoted(folder)}"),
        ]
    )


def imports_code(config: Mapping[str, Any]) -> bool:
    """Return whether a flat configuration names code by its import path, which a run needs --trust for."""
    return any(
        value in ("import", "loader")
        for key, value in config.items()
        if key in ("data.kind", "model.kind", "loss.kind", "optimizer.kind", "scheduler.kind")
        or (key.startswith("validation_sets.") and key.endswith(".data.kind"))
    ) or any(key.startswith("metrics.") for key in config)


def quoted(word: str) -> str:
    """Return a word for a shell; one with control characters as `$'...'`, so that pasting it does nothing else."""
    if visible(word) == word:
        return shlex.quote(word)
    plain = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + re.sub(r"[^\x20-\x7e]", lambda match: _escape(match.group()), plain) + "'"


def _escape(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode(errors="surrogateescape"))
