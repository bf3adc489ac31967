"""Changes of a configuration as KEY=VALUE, the way they are typed on a command line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from tui_trainer.errors import UserError
from tui_trainer.text import exact

Check = Callable[[Sequence[str]], Any]
"""Validates a configuration with changes and returns it; raises `UserError`."""
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""A text that needs no quotes as a value."""
_WORDS_OF_TOML = ("true", "false", "inf", "nan")


def toml_value(value: Any) -> str:
    """Return a value as it is typed after `KEY=`.

    Raises:
        ValueError: there is no way to write it: TOML has no empty value.
    """
    if value is None:
        raise ValueError("cannot be emptied here")
    if isinstance(value, str) and _BARE.fullmatch(value) and value not in _WORDS_OF_TOML:
        return value
    return _inner(value)


def _inner(value: Any) -> str:
    """Return a value in TOML, in one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return exact(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, BaseModel):
        return _inner({name: each for name, each in value if each is not None})
    if isinstance(value, Mapping):
        pairs: list[str] = [f"{json.dumps(str(key))} = {_inner(each)}" for key, each in value.items()]  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_inner(each) for each in value) + "]"  # pyright: ignore[reportUnknownVariableType]
    return str(value)


def section_changes(key: str, base: BaseModel, chosen: BaseModel, check: Check) -> list[str]:
    """Return the changes that turn one table of a configuration into another.

    A change of its kind keeps some settings of the old one and resets others, so that only the ones that would differ
    after it are written.

    Args:
        key: name of the table.
        base: its present value.
        chosen: its new value.
        check: validates the whole configuration with changes.

    Raises:
        ValueError: a setting cannot be written; the message names it.
    """
    changes: list[str] = []
    kind = getattr(chosen, "kind", None)
    effective: BaseModel | None = base
    if kind is not None and kind != getattr(base, "kind", None):
        changes.append(f"{key}.kind={kind}")
        try:
            effective = getattr(check(changes), key)
        except UserError:
            effective = None
    for name, value in chosen:
        if name == "kind" or (effective is not None and getattr(effective, name, None) == value):
            continue
        if effective is None and value is None:
            continue
        try:
            changes.append(f"{key}.{name}={toml_value(value)}")
        except ValueError as error:
            raise ValueError(f"{key}.{name} {error}") from None
    return changes


def split_changes(text: str) -> list[str]:
    """Split what was typed as a shell would.

    Raises:
        ValueError: a quote is missing.
    """
    try:
        return shlex.split(text)
    except ValueError:
        raise ValueError("a quote is not closed") from None
