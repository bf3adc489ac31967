"""The grid and the filter that a user chooses for the pages of charts. The first frame imports it, without models."""

from __future__ import annotations

import re

GRIDS = ((0, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3))
"""Columns and rows of charts that a key chooses in turn; the first follows the size of the terminal."""
MAX_PATTERN = 200
"""Most characters of a regular expression."""


def pattern_of(text: str) -> re.Pattern[str]:
    """Return the regular expression of a filter, which ignores case.

    Raises:
        ValueError: it is none; the message is for the user.
    """
    if len(text) > MAX_PATTERN:
        raise ValueError(f"at most {MAX_PATTERN} characters")
    try:
        return re.compile(text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"not a regular expression: {error}; the charts stay as they were") from None


def is_pattern(text: str) -> bool:
    """Return whether a text can be a filter."""
    try:
        pattern_of(text)
    except ValueError:
        return False
    return text.isprintable()
