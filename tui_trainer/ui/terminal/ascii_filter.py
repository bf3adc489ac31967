"""A line filter that writes the program's own signs in ASCII, for fonts that lack them."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

SIGNS = {
    "·": "-", "…": "~", "•": "*", "●": "o", "○": "o", "★": "*", "✔": "+", "✖": "x", "✕": "x", "◼": "#", "‖": "=",
    "←": "<", "→": ">", "↑": "^", "↓": "v", "▸": ">", "›": ">", "‹": "<", "▶": ">", "▲": "^", "▼": "v", "❯": ">",
    "÷": "/", "×": "x", "±": "+", "≥": ">", "≤": "<", "²": "2", "³": "3", "ᵀ": "T", "−": "-", "–": "-", "—": "-",
}  # fmt: skip
"""Signs in texts, and the character in the place of each: as wide, so that columns stay where they are."""
_RANGES = (
    ("─━┄┅┈┉╌╍═╸╺╴╶", "-"),
    ("│┃┆┇┊┋╎╏║╹╻╵╷", "|"),
    ("┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╭╮╰╯╔╗╚╝", "+"),
    ("█▓▒▇▆▟▙▛▜▀▄▅", "#"),
    ("░▁▂▃▖▗▘▝▚▞", "."),
    ("▌▐▎▊▏▕▍▋▉", "|"),
)
_TABLE = str.maketrans(
    {sign: plain for signs, plain in _RANGES for sign in signs}
    | {chr(code): "#" for code in range(0x2800, 0x2900)}
    | SIGNS
)
_WIDE = (
    (re.compile(r"(?<=\S )→ "), "->"),
    (re.compile("≥ "), ">="),
    (re.compile("≤ "), "<="),
    (re.compile("± "), "+-"),
)
"""Signs before a space that two characters stand for."""


class AsciiFilter(LineFilter):
    """Replace signs of the program; letters of other scripts, which are the user's, stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if all(segment.text.isascii() for segment in segments):
            return segments
        return [Segment(in_ascii(text), style, control) for text, style, control in segments]


def in_ascii(text: str) -> str:
    """Return a text with the signs of the program in ASCII, as wide as before."""
    if text.isascii():
        return text
    for pattern, plain in _WIDE:
        text = pattern.sub(plain, text)
    return text.translate(_TABLE)
