"""The last gate before the terminal: no character that acts on it leaves in a line of text."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

# C0, DEL and C1 controls; bidirectional marks, embeddings and isolates; separators that some terminals break lines at.
_ACTING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


class ControlFilter(LineFilter):
    """Drops every control and bidirectional character from a rendered line, whichever widget drew it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(_ACTING.search(segment.text) for segment in segments):
            return segments
        return [Segment(_ACTING.sub("", text), style, None) for text, style, _ in segments]
