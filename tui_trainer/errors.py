"""The error for mistakes that the user can correct, and hints with the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Invalid user input or environment, reported without a traceback.

    The message names what was given, what is allowed and the nearest known name, if any. The command line prints it on
    stderr in one line and exits with `exit_code`.
    """

    exit_code = 2


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most similar to `name`, or None if none is similar."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return matches[0] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the nearest known name, or all known names if none is similar."""
    choices = sorted(known)
    match = nearest(name, choices)
    if match is not None:
        return f"did you mean {match!r}?"
    return f"known: {', '.join(choices)}" if choices else "there are none"
