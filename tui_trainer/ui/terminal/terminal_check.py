"""Whether there is a terminal to draw on. Imports no Textual: it is asked before anything slow happens."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping
from typing import TextIO

HEADLESS = "use --headless for one plain line an epoch"
"""What a training can do without a screen."""
_DUMB = ("", "dumb", "unknown")


def terminal_problem(environ: Mapping[str, str] | None = None, instead: str = HEADLESS) -> str | None:
    """What stands between the screen and this terminal, and what to do instead, in one line; None: nothing does."""
    problem = _problem(os.environ if environ is None else environ)
    return f"{problem}: {instead}" if problem else None


def _problem(environ: Mapping[str, str]) -> str | None:
    if sys.platform == "win32":
        return "the screen needs a Unix terminal"
    for name, stream in (("stdin", sys.__stdin__), ("stdout", sys.__stdout__), ("stderr", sys.__stderr__)):
        if not _is_terminal(stream):
            return f"{name} is not a terminal"
    term = environ.get("TERM", "")
    if term in _DUMB:
        return f"the terminal cannot place text (TERM={term or 'unset'})"
    encoding = sys.__stderr__.encoding if sys.__stderr__ else ""
    if not _is_utf8(encoding):
        return f"the terminal's encoding is {encoding}, and the charts need UTF-8 (LANG={environ.get('LANG', '')})"
    return None


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and os.isatty(stream.fileno())
    except (OSError, ValueError):
        return False


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:
        return False
