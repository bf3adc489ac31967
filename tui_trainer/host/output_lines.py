"""Turn captured output into the lines that a terminal would show, unfinished ones included."""

from __future__ import annotations

from time import monotonic

from tui_trainer.text import terminal_line

FIRST_SECONDS = 1.0
"""Seconds after which a line that does not end is shown as far as it is."""
MAX_SECONDS = 60.0
"""Longest time between two states of one unfinished line, such as a progress bar. The time doubles from state to state,
so that a bar of days leaves a few lines an hour in the journal."""
MAX_REST = 1 << 16
"""Bytes after which a line that does not end is taken for one that has."""


class OutputLines:
    """Splits output into lines, and says now and then how far a line has come that does not end."""

    def __init__(self) -> None:
        self._rest = b""
        self._shown = ""
        """The state of the unfinished line that was shown last."""
        self._due = 0.0
        self._wait = FIRST_SECONDS

    def add(self, data: bytes) -> list[str]:
        """Add output and return the lines that ended in it."""
        if data and not self._rest:
            self._due = monotonic() + FIRST_SECONDS
        *ended, self._rest = (self._rest + data).split(b"\n")
        lines: list[str] = []
        for line in ended:
            text = _text(line)
            if not (text and text == self._shown):
                lines.append(text)
            self._begin_line()
        if len(self._rest) > MAX_REST:
            if b"\r" in self._rest:  # a progress bar: its last two states are enough
                self._rest = b"\r".join(self._rest[-MAX_REST // 2 :].split(b"\r")[-3:])
            else:
                lines.append(_text(self._rest))
                self._rest = b""
                self._begin_line()
        return lines

    def _begin_line(self) -> None:
        self._shown, self._wait = "", FIRST_SECONDS
        self._due = monotonic() + FIRST_SECONDS

    def unfinished(self, *, last: bool = False) -> list[str]:
        """Return the state of the line that has not ended, where it is time to show it and it is another one.

        Args:
            last: the process prints nothing more.
        """
        if not self._rest or not (last or monotonic() >= self._due):
            return []
        text = _text(self._rest)
        if not text.strip() or text == self._shown:
            return []
        self._shown = text
        self._wait = min(2 * self._wait, MAX_SECONDS)
        self._due = monotonic() + self._wait
        return [text]


def _text(line: bytes) -> str:
    return terminal_line(line.decode(errors="replace"))
