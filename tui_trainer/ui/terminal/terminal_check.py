"""Check that there is a usable terminal. Imports no Textual, because it runs before anything slow."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping
from typing import TextIO

HEADLESS = "run with --headless to print one line per epoch instead"
"""Advice for training without a screen."""
_DUMB = ("", "dumb", "unknown")


def terminal_problem(environ: Mapping[str, str] | None = None, instead: str = HEADLESS) -> str | None:
    """Return one line that says why the screen cannot start and what to do `instead`; None if it can."""
    problem = _problem(os.environ if environ is None else environ)
    return f"{problem}; {instead}" if problem else None


def _problem(environ: Mapping[str, str]) -> str | None:
    if sys.platform == "win32":
        return "the screen needs a Unix terminal (on Windows, use WSL)"
    for name, stream in (("stdin", sys.__stdin__), ("stdout", sys.__stdout__), ("stderr", sys.__stderr__)):
        if not _is_terminal(stream):
            return f"{name} is not a terminal"
    term = environ.get("TERM", "")
    if term in _DUMB:
        return f"the terminal cannot move the cursor (TERM={term or 'unset'})"
    encoding = sys.__stderr__.encoding if sys.__stderr__ else ""
    if not _is_utf8(encoding):
        language = environ.get("LANG") or "unset"
        return f"the charts need UTF-8, but the encoding is {encoding} (set LANG=C.UTF-8; LANG is {language})"
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
