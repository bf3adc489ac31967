"""Read TOML with limits, so that an untrusted file cannot use much time or memory."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError

MAX_BYTES = 64 << 10
"""Largest file, in bytes."""
MAX_DEPTH = 16
"""Deepest nesting of arrays and inline tables."""
MAX_DOTS = 8
"""Most dots in one key. The parser's time grows with their square; our own keys have at most three."""

_TOKENS = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""'
    r"|'''(?:[^']|'(?!''))*'''"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}.,=\n]",
    re.DOTALL,
)


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables of a file.

    Raises:
        UserError: the file cannot be read, is too large, or is not TOML; the message names the file, and the line and
            column of a syntax error.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe without a writer reads as an empty file
                raise UserError(f"{path}: not a regular file")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: too large (limit {MAX_BYTES >> 10} kB)")
    try:
        return parse_toml(data.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from None


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Parse TOML text; `source` names it in errors.

    Raises:
        UserError: the text is not TOML, or its nesting is deeper than the limits.
    """
    _check_shape(text, source)
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError, RecursionError) as error:
        lines = text.split("\n")
        end = f"at line {len(lines)}, column {len(lines[-1]) + 1}, the end of the text"
        raise UserError(f"{source}: not TOML: {str(error).replace('at end of document', end)}") from None


def _check_shape(text: str, source: str) -> None:
    depth = dots = 0
    for match in _TOKENS.finditer(text):
        token = match.group()
        if token in "[{":
            depth, dots = depth + 1, 0
        elif token in "]}":
            depth, dots = max(depth - 1, 0), 0
        elif token == ".":
            dots += 1
        elif token in ",=\n":
            dots = 0
        if depth > MAX_DEPTH or dots > MAX_DOTS:
            line = text.count("\n", 0, match.start()) + 1
            limit = f"{MAX_DEPTH} levels" if depth > MAX_DEPTH else f"{MAX_DOTS} dots in a key"
            raise UserError(f"{source}: line {line}: nested too deeply (limit {limit})")
