"""Finding things by a few of their letters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def score(typed: str, text: str) -> float:
    """How well `typed` fits `text`: 0 not at all, more for a beginning, a word's beginning, letters close together."""
    typed, text = typed.casefold().strip(), text.casefold()
    if not typed:
        return 1.0
    place = text.find(typed)
    if place == 0:
        return 4.0
    if place > 0:
        return 3.0 if not text[place - 1].isalnum() else 2.0
    at, first = -1, -1
    for letter in typed:
        at = text.find(letter, at + 1)
        if at < 0:
            return 0.0
        first = at if first < 0 else first
    return len(typed) / (at - first + 1)


def ranked(typed: str, things: Iterable[Thing], texts: Callable[[Thing], Sequence[str]]) -> list[Thing]:
    """The things that fit, the best first; of equal ones the order stays. Earlier texts of a thing weigh more."""
    scored = [
        (max((score(typed, text) / (1 + place) for place, text in enumerate(texts(thing))), default=0.0), thing)
        for thing in things
    ]
    floor = 0.25 if typed.strip() else 0.0
    return [thing for value, thing in sorted(scored, key=lambda pair: -pair[0]) if value > floor]
