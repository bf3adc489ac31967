"""Change single settings in the user's `settings.toml`; every other line, comments included, stays as it is."""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from tui_trainer.errors import UserError
from tui_trainer.runs.atomic_write import read_plain, replace_file
from tui_trainer.ui.settings import MAX_BYTES, Settings, checked

HEADER = "# Settings of tui-trainer's screen; `tui-trainer doctor` checks them.\n"
"""First line of a new file."""

_TABLE = re.compile(r"\s*\[")
Value = bool | int | float | str


def edited(text: str, changes: Mapping[str, Value]) -> str:
    """Return the text of a TOML file with other values of some top-level keys.

    A key that stands on one line gets its new value there, before its comment; a new one follows the others.

    Raises:
        ValueError: the text cannot be changed so that it means the old table with these changes.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    for key, value in changes.items():
        _set(lines, key, _toml(value), newline)
    after = "".join(lines)
    try:
        before = tomllib.loads(text)
        unchanged = tomllib.loads(after) == {**before, **changes}
    except (tomllib.TOMLDecodeError, RecursionError):
        unchanged = False
    if not unchanged:
        raise ValueError("it is written in a way that only an editor can change")
    return after


def _toml(value: Value) -> str:
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip("\n")


def _set(lines: list[str], key: str, value: str, newline: str) -> None:
    end = next((k for k, line in enumerate(lines) if _TABLE.match(line)), len(lines))
    name = re.escape(key)
    pattern = re.compile(rf"(\s*(?:{name}|\"{name}\"|'{name}')\s*=\s*)(.*?)(\r?\n)?$", re.DOTALL)
    for k, line in enumerate(lines[:end]):
        found = pattern.match(line)
        if found is not None:
            lines[k] = f"{found[1]}{value}{found[2][_value_length(found[2]) :]}{found[3] or ''}"
            return
    # After the last line of the top level: blank lines and comments before a table belong to the table.
    at = end
    while at and end < len(lines) and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith("#")):
        at -= 1
    if at and not lines[at - 1].endswith("\n"):
        lines[at - 1] += newline
    lines.insert(at, f"{key} = {value}{newline}")


def _value_length(text: str) -> int:
    """Return the length of the value at the start of a line, without blanks and comment after it."""
    ends = [k for k, character in enumerate(text) if character == "#"]
    for end in (*ends, len(text)):
        with contextlib.suppress(tomllib.TOMLDecodeError):
            tomllib.loads(f"x = {text[:end]}")
            return len(text[:end].rstrip())
    return len(text)


def read_table(path: Path | None) -> dict[str, Any]:
    """Return the settings that stand in the file, empty where there is none or it cannot be read."""
    if path is None:
        return {}
    try:
        return tomllib.loads(read_plain(path, MAX_BYTES).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}


def save(path: Path, changes: Mapping[str, Value]) -> Settings:
    """Change settings in the file as it is now, and return the settings that it then holds.

    Raises:
        UserError: a value is not allowed, or the file cannot be changed; then it is as before.
    """
    target = path.resolve()  # the file may be a link into a folder of dotfiles
    try:
        data = read_plain(target, MAX_BYTES)
    except FileNotFoundError:
        data = HEADER.encode()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    mark, text = (b"\xef\xbb\xbf", data[3:]) if data.startswith(b"\xef\xbb\xbf") else (b"", data)
    try:
        after = edited(text.decode(), changes)
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    settings = checked(tomllib.loads(after), str(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, mark + after.encode())
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    return settings
