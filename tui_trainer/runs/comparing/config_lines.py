"""Read a flat configuration line by line, as hosts write it: twenty times as fast as a parser of any TOML.

A line that is not a table's name, or a key and its value, makes the file one for the full parser; only a list may take
several lines. So does a table or a key that comes twice. The lines of many runs are alike: each is parsed once.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from tui_trainer.config.toml import MAX_BYTES, MAX_DEPTH, parse_toml
from tui_trainer.errors import UserError
from tui_trainer.runs.atomic_write import read_plain
from tui_trainer.runs.comparing.flat_config import flat_config

_TABLE = re.compile(r"\[([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){0,3})\]")
_ENTRY = re.compile(r"([A-Za-z0-9_-]+) = (.+)", re.DOTALL)
REMEMBERED = 1 << 12
"""Lines whose values are remembered."""
MAX_LINE = 2000
"""Characters of the longest line that is read so: deep nesting and long texts are for the full parser."""
MAX_BLOCK = 20_000
"""Characters of the longest list of tables that is read so."""


def config_by_lines(path: str) -> dict[str, Any]:
    """Return the same as `flat_config`, faster. The values are shared: do not change them."""
    try:
        text = read_plain(f"{path}/run.toml", MAX_BYTES).decode()
    except (OSError, ValueError):
        return flat_config(Path(path))
    flat = _flat(text)
    return flat_config(Path(path)) if flat is None else flat


def _flat(text: str) -> dict[str, Any] | None:
    """Return the values by dotted key, None where the text needs the full parser."""
    flat: dict[str, Any] = {}
    tables: set[str] = set()
    implied: set[str] = set()
    table = ""
    for line in _statements(text.split("\n")):
        entry = _entry(line)
        if entry is None:
            return None
        key, value = entry
        if key == "":
            name, value = value
            if name in flat or name in implied or not flat.keys().isdisjoint(_prefixes(name)):
                return None
            flat[name] = value
            implied.update(_prefixes(name))
            continue
        if key is None:
            name = value[-1]
            if name in tables or not flat.keys().isdisjoint(value):
                return None
            tables.add(name)
            implied.update(value)
            table = f"{name}."
            continue
        name = table + key
        if name in flat or name in implied:
            return None
        flat[name] = value
    return flat


def _statements(lines: list[str]) -> Iterator[str]:
    """Yield the lines that are not empty, those of a list as one, and those of a list of tables."""
    at = 0
    while at < len(lines):
        line, at = lines[at], at + 1
        if line.endswith(" = [") and "]" in lines[at:]:
            end = lines.index("]", at) + 1
            line, at = "\n".join(lines[at - 1 : end]), end
        elif line.startswith("[["):
            name = line[2:].partition("]")[0]
            end = at
            while end < len(lines) and not (lines[end].startswith("[") and not _belongs(lines[end], name)):
                end += 1
            line, at = "\n".join(lines[at - 1 : end]), end
        if line:
            yield line


def _belongs(header: str, name: str) -> bool:
    """Return whether a table is one of a list of tables, or a table within one."""
    return header == f"[[{name}]]" or header.lstrip("[").startswith(f"{name}.")


def _prefixes(name: str) -> tuple[str, ...]:
    """Return `a`, `a.b` and `a.b.c` for `a.b.c`."""
    parts = name.split(".")
    return tuple(".".join(parts[: end + 1]) for end in range(len(parts)))


@lru_cache(maxsize=REMEMBERED)
def _entry(line: str) -> tuple[str | None, Any] | None:
    """Return key and value of a line.

    For a table, return None and its names: `a`, `a.b`; for a list of tables an empty key, and its name with the list;
    for any other line None.
    """
    if table := _TABLE.fullmatch(line):
        return None, _prefixes(table[1])
    if line.startswith("[["):
        return _tables(line)
    if (entry := _ENTRY.fullmatch(line)) is None or len(line) > MAX_LINE or line.count("[") > MAX_DEPTH:
        return None
    try:
        (value,) = tomllib.loads(f"x = {entry[2]}").values()
    except (ValueError, RecursionError):
        return None
    return None if isinstance(value, dict) else (entry[1], value)


def _tables(block: str) -> tuple[str, tuple[str, Any]] | None:
    """Return an empty key, and the name and value of a list of tables; None where the block is more than that."""
    first = block.partition("\n")[0]
    table = _TABLE.fullmatch(first[1:-1])
    if table is None or len(block) > MAX_BLOCK:
        return None
    try:
        value: Any = parse_toml(block, "")
    except UserError:
        return None
    for part in table[1].split("."):
        if not isinstance(value, dict) or len(value) != 1 or part not in value:
            return None
        value = value[part]
    return ("", (table[1], value)) if isinstance(value, list) else None
