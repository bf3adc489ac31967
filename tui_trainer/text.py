"""Text for the screen: make foreign text safe to print, and format numbers."""

from __future__ import annotations

import re

# C0, DEL and C1 controls; bidirectional controls and marks; separators that a terminal may treat as a line end;
# zero-width characters that hide inside names; lone surrogates, which cannot be encoded.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


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


def visible_lines(text: str) -> list[str]:
    """Split `text` into lines made visible, with tabs expanded. Text overwritten after a carriage return is dropped."""
    lines = text.replace("\r\n", "\n").expandtabs(8).split("\n")
    return [visible(line.rsplit("\r", 1)[-1]) for line in lines]


def number(value: float | None, digits: int = 4) -> str:
    """Format a number with `digits` significant digits and no trailing zeros; `-` for None."""
    if value is None:
        return "-"
    return f"{value:.{digits}g}"
