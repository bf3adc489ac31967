"""Find the numbers that the text of a lesson quotes, and that neither a claim measured nor the preset defines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tui_trainer.config.measured_values import PLACEHOLDER, quoted

NUMBER = re.compile(r"(?<![\w^])(?:\d[\d,]*\d|\d)?(?:\.\d+)?(?:e-?\d+)?(?=\W|$)")
"""A number that is a word of its own: not the 2 of x^2, hidden2 or S29."""
SETTING = re.compile(r"\b[a-z_]+\.[a-z_]+=\S+")
"""A setting to type, such as data.condition=1."""
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
SMALL = {0.0, 1.0, 2.0, 3.0}
"""Numbers of formulas and of counting: 1/2, "one of the 3"."""


def unmeasured(table: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the key path, the number and the text of each number that has no source.

    A source is a placeholder, a setting of the preset or of one of its variants (also in per cent), a year, a setting
    to type, or a small number. What the lecture itself says is a quotation.
    """
    settings = set(_settings({key: value for key, value in table.items() if key != "lesson"}))
    known = SMALL | settings | {round(100 * value, 9) for value in settings}
    for key, text in quoted(table):
        if key == "lesson.says":
            continue
        plain = YEAR.sub(" ", SETTING.sub(" ", PLACEHOLDER.sub(" ", text)))
        for found in NUMBER.finditer(plain):
            number = found[0]
            if number and float(number.replace(",", "")) not in known:
                yield key, number, text


def _settings(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _settings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _settings(inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)
