"""Errors that a person can put right: one clear message, never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something the user gave that cannot be used.

    The message says what was given, what is allowed and, where there is one, the nearest known name. The command line
    prints it on stderr and exits with `exit_code`.
    """

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like `name`, or None when nothing looks like it."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence naming the nearest match, or every choice when nothing is near."""
    choices = sorted(known)
    match = nearest(name, choices)
    if match is not None:
        return f"did you mean {match!r}?"
    return f"known: {', '.join(choices)}" if choices else "there are none"
