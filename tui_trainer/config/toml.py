"""TOML read with limits: a file from anybody is refused before it costs time or memory."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError

MAX_BYTES = 64 << 10
MAX_DEPTH = 16
MAX_DOTS = 8
"""Dots in one key: the parser's time grows with their square, and no key of ours has more than three."""

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
    """The tables of a file. Raises `UserError` naming the file, and line and column where it does not parse."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):  # a pipe without a writer reads as an empty file
                raise UserError(f"{path}: cannot be read: it is no plain file")
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise UserError(f"{path}: larger than {MAX_BYTES >> 10} kB, which no configuration needs")
    try:
        return parse_toml(data.decode(), str(path))
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text (byte {error.start})") from None


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """The tables of a text. Raises `UserError` naming `source`."""
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
            raise UserError(f"{source}: line {line}: nested deeper than any configuration is")
