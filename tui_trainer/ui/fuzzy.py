"""Rank items by how well their texts match what the user typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")

BEST = 4.0
"""Score of a text that begins with what was typed."""
FLOOR = 0.25
"""Score at or below which an item is not listed."""

# Not `textual.fuzzy.Matcher`: it tries every combination of scattered letters, which takes seconds for a sentence of a
# lesson (6 s for 6 letters in 300 characters), and it lists most actions for a short word.


def score(typed: str, text: str) -> float:
    """Return how well `typed` matches `text`.

    Returns:
        4 for the beginning of the text, 3 for the beginning of a word, 2 elsewhere in it; below 1 for scattered letters
        in their order, more the closer they are; 0 for no match.
    """
    return _score(typed.casefold().strip(), text.casefold())


def _score(typed: str, text: str) -> float:
    """Return the score of two texts in lower case."""
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
    return ranked_prepared(typed, items, lambda item: prepared(texts(item)))


def prepared(texts: Iterable[str]) -> tuple[str, ...]:
    """Return texts in lower case, ready for `ranked_prepared`."""
    return tuple(text.casefold() for text in texts)


def ranked_prepared(typed: str, items: Iterable[Item], prepared_texts: Callable[[Item], Sequence[str]]) -> list[Item]:
    """Return the same as `ranked` for texts in lower case: a long list need not prepare them at each letter."""
    typed = typed.casefold().strip()
    if not typed:
        return list(items)
    scores: dict[str, float] = {}
    scored: list[tuple[float, Item]] = []
    for item in items:
        value = 0.0
        for index, text in enumerate(prepared_texts(item), 1):
            if value >= BEST / index:
                break  # no later text can weigh more
            if text not in scores:  # thousands of runs have the same few presets and endings
                scores[text] = _score(typed, text)
            value = max(value, scores[text] / index)
        if value > FLOOR:
            scored.append((value, item))
    scored.sort(key=lambda pair: -pair[0])
    return [item for _, item in scored]
