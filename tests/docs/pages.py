"""The pages under test, and how to read tables and blocks from them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """Return the text of a page of docs/, or of the root where it lies there."""
    path = DOCS / name
    return (path if path.exists() else ROOT / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """Return the contents of the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def rows(text: str, header: str) -> list[list[str]]:
    """Return the cells of the table whose header starts with these words."""
    found = re.search(rf"^\| {re.escape(header)}.*\n\|[-| ]+\n((?:\|.*\n)*)", text, re.MULTILINE)
    assert found is not None, f"no table {header!r}"
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in found[1].splitlines()]


def code(cell: str) -> str:
    """Return the content of a cell in backticks."""
    return cell.strip().strip("`")
