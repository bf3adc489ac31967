"""Values as they are typed, KEY=VALUE: TOML, or a bare word; plain text where the field is a string."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from tui_trainer.config.toml import parse_toml
from tui_trainer.errors import UserError

MAX_LENGTH = 4096
"""Most characters of a value."""

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True)
class TypedValue:
    """A value that was typed for a key.

    Attributes:
        path: the key, split at its dots.
        text: the value as it was typed.
        value: what it is in TOML; the text where it is no TOML.
    """

    path: tuple[str, ...]
    text: str
    value: Any

    @classmethod
    def of(cls, path: Sequence[str], text: str) -> TypedValue:
        """Read a value. Raises `UserError` for one that is too long."""
        text = text.strip()
        if len(text) > MAX_LENGTH:
            raise UserError(f"{'.'.join(path)}: the value is too long (limit {MAX_LENGTH:,} characters)")
        try:
            table = parse_toml(f"value = {text}\n", ".".join(path))
            value = table["value"] if len(table) == 1 else text
        except (UserError, tomllib.TOMLDecodeError, KeyError):
            value = text
        return cls(tuple(path), text, value)

    @property
    def is_malformed(self) -> bool:
        """Whether it begins like a list, a table or a string, and is none."""
        return self.value == self.text and self.text[:1] in tuple("[{\"'")


def validated(validate: Callable[[Sequence[Any]], Model], typed: Sequence[TypedValue]) -> Model:
    """Validate typed values; where a field is a string, its value is the text as it was typed.

    Args:
        validate: builds and validates the model from the values, in the order of `typed`.
        typed: the values.

    Raises:
        ValidationError: a value is not allowed.
        UserError: a value is neither TOML nor allowed as text.
    """
    values = [each.value for each in typed]
    as_text: set[int] = set()
    while True:
        try:
            return validate(values)
        except ValidationError as error:
            problems = error.errors(include_url=False)
            strings = [problem["loc"] for problem in problems if problem["type"] == "string_type"]
            new = {index for index, each in enumerate(typed) if _named(each, strings)} - as_text
            if not new:
                wrong = [problem["loc"] for problem in problems if problem["type"] != "extra_forbidden"]
                for each in typed:
                    if each.is_malformed and _named(each, wrong):
                        raise UserError(f"{'.'.join(each.path)}: {each.text!r} is not valid TOML") from None
                raise
            as_text |= new
            for index in new:
                values[index] = typed[index].text


def _named(typed: TypedValue, places: Sequence[tuple[int | str, ...]]) -> bool:
    """Return whether one of the places in a model is that of the key; a place also names the kinds on its way."""
    for place in places:
        parts = iter(place)
        if place and place[-1] == typed.path[-1] and all(part in parts for part in typed.path):
            return True
    return False
