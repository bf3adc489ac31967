"""Text for people. Foreign text is made safe: what would act on a terminal becomes something to read."""

from __future__ import annotations

import re

# C0, DEL and C1 controls; the bidirectional controls and marks; separators that a terminal may treat as a line end;
# zero-width characters that hide inside names; lone surrogates, which cannot be written at all.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def _picture(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"<U+{code:04X}>"


def visible(text: str) -> str:
    """`text` on one line, every control, bidirectional and zero-width character replaced by a visible sign."""
    return _UNSAFE.sub(_picture, text)


def visible_lines(text: str) -> list[str]:
    """`text` split into lines, tabs widened, each line made visible. A carriage return ends what it overwrote."""
    lines = text.replace("\r\n", "\n").expandtabs(8).split("\n")
    return [visible(line.rsplit("\r", 1)[-1]) for line in lines]


def number(value: float | None, digits: int = 4) -> str:
    """A number as a person reads it: four digits, no trailing zeros, `-` where there is none."""
    if value is None:
        return "-"
    return f"{value:.{digits}g}"
