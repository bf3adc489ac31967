"""docs/glossary.md names the module of each word, and a search for the word finds that module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, page, rows

TABLE = {row[0]: re.sub(r".*\(\.\./(.+)\)", r"\1", row[2]) for row in rows(page("glossary.md"), "word")}
SEARCHED = (
    "early stopping",
    "checkpoint",
    "resume",
    "replay",
    "event bus",
    "command handlers",
    "learning-rate plan",
    "gradient norm",
    "layer statistics",
    "downsampling",
    "viewport",
    "key bindings",
    "redraw budget",
    "journal",
    "run directory",
    "log capture",
    "atomic write",
    "CUDA graphs",
    "fused step",
    "diagnosis rules",
    "preset library",
    "state dict",
)
"""Words that a newcomer searches for, in the field's own spelling."""


def words(text: str) -> str:
    """Return lower-case words in the singular, separated by single spaces."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return f" {' '.join(word.removesuffix('s') if len(word) > 3 else word for word in found)} "


def module_words() -> dict[str, tuple[str, str]]:
    """Return the words of each module's path and of its docstring."""
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((ROOT / "tui_trainer").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        found[name] = (words(name.removesuffix(".py")), words(docstring))
    return found


MODULES = module_words()


def search(phrase: str) -> list[str]:
    """Return the modules with the phrase in their path, then those with it in their docstring, as `grep -i` does."""
    wanted = words(phrase).rstrip()
    in_path = [name for name, (path, _) in MODULES.items() if wanted in path]
    return in_path + [name for name, (_, text) in MODULES.items() if wanted in text and name not in in_path]


@pytest.mark.parametrize("phrase", SEARCHED)
def test_a_search_finds_the_module_at_the_first_or_second_hit(phrase: str) -> None:
    assert TABLE[phrase] in search(phrase)[:2], search(phrase)


@pytest.mark.parametrize("word", sorted(TABLE))
def test_every_module_of_the_glossary_exists(word: str) -> None:
    assert Path(ROOT / TABLE[word]).is_file()


def test_the_glossary_is_in_alphabetical_order_and_each_word_has_one_sentence() -> None:
    entries = rows(page("glossary.md"), "word")
    assert [row[0].lower() for row in entries] == sorted(row[0].lower() for row in entries)
    assert all(row[1].endswith(".") and row[1][0].isupper() for row in entries)
