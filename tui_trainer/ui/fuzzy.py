"""Rank items by how well their texts match what the user typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

# Not `textual.fuzzy.Matcher`: it tries every combination of scattered letters, which takes seconds for a sentence of a
# lesson (6 s for 6 letters in 300 characters), and it lists most actions for a short word.


def score(typed: str, text: str) -> float:
    """Return how well `typed` matches `text`.

    Returns:
        4 for the beginning of the text, 3 for the beginning of a word, 2 elsewhere in it; below 1 for scattered letters
        in their order, more the closer they are; 0 for no match.
    """
    typed, text = typed.casefold().strip(), text.casefold()
    if not typed:
        return 1.0
    index = text.find(typed)
    if index == 0:
        return 4.0
    if index > 0:
        return 3.0 if not text[index - 1].isalnum() else 2.0
    last, first = -1, -1
    for letter in typed:
        last = text.find(letter, last + 1)
        if last < 0:
            return 0.0
        first = last if first < 0 else first
    return len(typed) / (last - first + 1)


def ranked(typed: str, items: Iterable[Item], texts: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return the items that match, the best first; equal ones keep their order. Earlier texts of an item weigh more."""
    scored = [
        (max((score(typed, text) / (1 + index) for index, text in enumerate(texts(item))), default=0.0), item)
        for item in items
    ]
    floor = 0.25 if typed.strip() else 0.0
    return [item for value, item in sorted(scored, key=lambda pair: -pair[0]) if value > floor]
