"""The grid and the filter that a user chooses for the pages of charts. The first frame imports it, without models."""

from __future__ import annotations

import re

GRIDS = ((0, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3))
"""Columns and rows of charts that a key chooses in turn; the first follows the size of the terminal."""
MAX_PATTERN = 200
"""Most characters of a regular expression."""
MAX_REPEATS = 3
"""Most repeats (`*`, `+`, `{}`) in a regular expression: the time of a search grows by this power of the text."""
MAX_OPTIONS = 10
"""Most choices (`?`, and `|` inside a group): the time of a search can double with each."""
_REPEATS = ("*", "+", "{")
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[^:)]?|[()|*+{?]", re.DOTALL)


def pattern_of(text: str) -> re.Pattern[str]:
    """Return the regular expression of a filter, which ignores case.

    Raises:
        ValueError: it is none, or one whose search could take minutes; the message is for the user.
    """
    if len(text) > MAX_PATTERN:
        raise ValueError(f"at most {MAX_PATTERN} characters")
    _check_time(text)
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}; the charts stay as they were") from None


def _check_time(text: str) -> None:
    """Refuse expressions whose search can take exponential time, as that of `(a+)+` does."""
    repeats = options = 0
    opened: list[bool] = []
    ended = -1  # the end of a group that repeats or chooses
    for part in _PART.finditer(text):
        sign = part[0]
        if sign.startswith("("):
            opened.append(False)
        elif sign == ")":
            if opened and opened.pop():
                ended = part.end()
                opened = [*opened[:-1], True] if opened else opened
        elif sign in _REPEATS or sign in ("?", "|"):
            if sign in _REPEATS and part.start() == ended:
                raise ValueError("a group that is repeated may hold no repeat and no choice: it could take minutes")
            repeats += sign in _REPEATS
            options += bool(opened) if sign == "|" else sign == "?"
            opened = [*opened[:-1], True] if opened else opened
    if repeats > MAX_REPEATS:
        raise ValueError(f"at most {MAX_REPEATS} repeats (* + {{}}): more could take minutes")
    if options > MAX_OPTIONS:
        raise ValueError(f"at most {MAX_OPTIONS} choices (? and | in groups): more could take minutes")


def is_pattern(text: str) -> bool:
    """Return whether a text can be a filter."""
    try:
        pattern_of(text)
    except ValueError:
        return False
    return text.isprintable()
