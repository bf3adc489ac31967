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


def _visible_sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def visible(text: str) -> str:
    """Return `text` on one line, with a visible sign for every control, bidirectional and zero-width character."""
    return _UNSAFE.sub(_visible_sign, text)


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


def number(value: float | None, digits: int = 4) -> str:
    """Format a number with `digits` significant digits and no trailing zeros; `-` for None."""
    if value is None:
        return "-"
    return f"{value:.{digits}g}"
