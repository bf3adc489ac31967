"""The states of the lines that a script draws: a progress bar goes back to the beginning of its line for each."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_REST = 1 << 15
"""Bytes of a line that are kept while it does not end."""
_ENDS = re.compile(rb"\r\n|\n|\r|\x08+")


class LineStates:
    """Splits output into lines and states of lines; a bar that is complete as it stands is not waited for."""

    def __init__(self) -> None:
        self._rest = b""
        self._taken = b""
        """The unfinished line that was returned already."""

    def add(self, data: bytes) -> list[str]:
        """Add output. Returns the lines, and states of lines, that are complete in it."""
        *ended, rest = _ENDS.split(self._rest + data)
        found = [line for line in ended if line.strip() and line != self._taken]
        if ended:
            self._taken = b""
        if rest.rstrip().endswith((b"]", b"}")) and rest != self._taken:  # a bar of tqdm ends so, before it goes back
            self._taken = rest
            found.append(rest)
        self._rest = rest[-MAX_REST:]
        return [line.decode(errors="replace") for line in found]

    def last(self) -> list[str]:
        """Return the line that never ended."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest.strip() and rest != self._taken else []


def last_words(lines: Sequence[str]) -> str:
    """Return the last line that a script printed as the reason of its end, with what to do if it asked for input."""
    words = lines[-1].strip()[:200] if lines else ""
    if not words:
        return ""
    asked = (
        "; a watched script has no standard input; pass what it asks for as arguments" if "EOFError" in words else ""
    )
    return f": {words}{asked}"
