"""Text for the screen: make foreign text safe to print, and format numbers."""

from __future__ import annotations

import re

# C0, DEL and C1 controls; bidirectional controls and marks; separators that a terminal may treat as a line end;
# zero-width characters that hide inside names; lone surrogates, which cannot be encoded.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)

# A control sequence with its parameters, a control string up to its end, any other escape, and one that is cut off.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-Z\\-~]"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*|\x1b[ -/]*$"
)
_TO_LINE_START = re.compile(r"\x1b\[[01]?G|\x1b\[2K")
_SELECTORS = {0xFE0E: None, 0xFE0F: None}
"""Variation selectors, which are left out: terminals differ about the width of a character before one."""


def _visible_sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def visible(text: str) -> str:
    """Return `text` on one line, with a visible sign for every control, bidirectional and zero-width character."""
    return _UNSAFE.sub(_visible_sign, text if text.isascii() else text.translate(_SELECTORS))


def terminal_line(text: str) -> str:
    """Return what a terminal is left with after it has shown one line: no colour codes, nothing that was overwritten.

    A blank that wipes a progress bar away is taken for what came before it.
    """
    text = _ESCAPE.sub("", _TO_LINE_START.sub("\r", text))
    if "\r" in text:
        text = next((part for part in reversed(text.split("\r")) if part.strip(" \b")), "")
    return _without_backspaces(text) if "\b" in text else text


def _without_backspaces(text: str) -> str:
    kept: list[str] = []
    for character in text:
        if character != "\b":
            kept.append(character)
        elif kept:
            kept.pop()
    return "".join(kept)


def visible_lines(text: str) -> list[str]:
    """Split printed text into lines as a terminal shows them, tabs widened, each line made visible."""
    return [visible(terminal_line(line).expandtabs(8)) for line in text.replace("\r\n", "\n").split("\n")]


MAX_WHOLE = 1e15
"""Whole numbers below it are written with all their digits."""


def number(value: float | None, digits: int = 4) -> str:
    """Format a number with `digits` significant digits and no trailing zeros, a whole one exactly; `-` for None."""
    if value is None:
        return "-"
    if abs(value) < MAX_WHOLE and value == int(value):
        return str(int(value))
    return f"{value:.{digits}g}"


def exact(value: float) -> str:
    """Format a number so that reading it gives the same number: 64, 0.1, 1e-05."""
    if abs(value) < MAX_WHOLE and value == int(value):
        return str(int(value))
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


def cell_width(text: str) -> int:
    """Return the cells that `text` fills on a terminal, as Textual counts them."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # commands without a screen start faster without it

    return cell_len(text)


def cut(text: str, width: int, ellipsis: str = "") -> str:
    """Return `text`, or its beginning and the ellipsis if it fills more than `width` cells."""
    if cell_width(text) <= width:
        return text
    from rich.cells import split_graphemes

    room, end = width - len(ellipsis), 0
    for _, after, size in split_graphemes(text)[0]:
        room -= size
        if room < 0:
            break
        end = after
    return (text[:end] + ellipsis)[: max(width, 0)]


def ending(text: str, width: int) -> str:
    """Return the end of `text` that fills at most `width` cells."""
    if text.isascii():
        return text[max(len(text) - width, 0) :]
    from rich.cells import split_graphemes

    start = len(text)
    for before, _, size in reversed(split_graphemes(text)[0]):
        width -= size
        if width < 0:
            break
        start = before
    return text[start:]


def padded(text: str, width: int) -> str:
    """Return `text` with blanks up to `width` cells; a longer one is returned as it is."""
    return text + " " * (width - cell_width(text))


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` cells, cut between words where that is possible."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and cell_width(lines[-1]) + 1 + cell_width(word) <= width:
            lines[-1] += f" {word}"
        else:
            rest = ("  " if lines else "") + word
            while cell_width(rest) > width > 4:
                head = cut(rest, width)
                lines.append(head)
                rest = "  " + rest[len(head) :]
            lines.append(rest)
    return lines
