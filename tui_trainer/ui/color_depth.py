"""The colours that a terminal can show: by what it says of itself and by its terminfo entry."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

ColorDepth = Literal["none", "16", "256", "full"]

_DIRECTORIES = tuple(f"{root}/terminfo" for root in ("/etc", "/lib", "/usr/share", "/usr/lib", "/usr/local/share"))
_MAX_COLORS = 13
"""Position of `max_colors` among the numbers of a terminfo entry."""
_NUMBER_SIZES = {0o432: 2, 0o1036: 4}
"""Bytes of a number, by the first number of the file."""


def color_depth(environ: Mapping[str, str]) -> ColorDepth:
    """Return the colour depth of the terminal with these environment variables.

    NO_COLOR counts where it is not empty. COLORTERM is ignored inside GNU screen, which inherits it from the terminal
    around it and reads the codes of 24-bit colours as others.
    """
    if environ.get("NO_COLOR"):
        return "none"
    term = environ.get("TERM", "")
    in_gnu_screen = "STY" in environ or (term.startswith("screen") and "TMUX" not in environ)
    if not in_gnu_screen and environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return "full"
    if term.endswith("-direct") and not in_gnu_screen:
        return "full"
    return "256" if "256color" in term or _terminfo_colors(term, environ) >= 256 else "16"


def _terminfo_colors(term: str, environ: Mapping[str, str]) -> int:
    """Return the number of colours in the terminfo entry of a terminal, 0 where there is none."""
    if not term or "/" in term or term.startswith(".") or not term.isascii():
        return 0
    own = [environ["TERMINFO"]] if environ.get("TERMINFO") else []
    home = [f"{environ['HOME']}/.terminfo"] if environ.get("HOME") else []
    listed = [part for part in environ.get("TERMINFO_DIRS", "").split(":") if part]
    for directory in (*own, *home, *listed, *_DIRECTORIES):
        for folder in (term[0], f"{ord(term[0]):02x}"):
            try:
                with (Path(directory) / folder / term).open("rb") as file:
                    return _colors(file.read(4096))
            except (OSError, ValueError, struct.error):
                continue
    return 0


def _colors(entry: bytes) -> int:
    magic, names, flags, numbers = struct.unpack_from("<4h", entry)
    size = _NUMBER_SIZES.get(magic)
    if size is None or numbers <= _MAX_COLORS:
        return 0
    start = 12 + names + flags
    start += start % 2
    return int.from_bytes(entry[start + size * _MAX_COLORS :][:size], "little", signed=True)
