"""The plain title of each finding. Identifiers of findings stand in events and JSON only, never in text for users."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

TITLES: Mapping[str, str] = {
    "NAN": "The loss is NaN or infinite",
    "DIVERGE": "The loss has blown up",
    "EXPLODE": "The outputs were far too large from the start",
    "NOGRAD": "No gradient reaches some layers",
    "DEAD": "Many units are dead",
    "VANISH": "The signal fades on its way through the layers",
    "STUCK": "No better than guessing",
    "LR_HIGH": "The rate looks high",
    "PLATEAU_NOISE": "Flat: the steps are too coarse to go lower",
    "ADAGRAD": "Adagrad's steps have become tiny",
    "LR_LOW": "The rate looks low",
    "OVERFIT": "The validation loss rises while the training loss falls",
    "UNDERFIT": "Flat at a high loss, though the steps are good",
    "PLATEAU": "The loss is flat",
    "RANK_DATA": "One rank waits for its data",
    "RANK_SLOW": "One rank is slower than the others",
    "STOPPED_TOO_SOON": "It ended while it was still improving",
}
"""The title of every finding, in order of priority: the first active one is the headline."""

_NAMES = re.compile(r"\b(" + "|".join(sorted(TITLES, key=len, reverse=True)) + r")\b")


class Titled(Protocol):
    """A finding: its identifier, and its title, which earlier versions did not record."""

    @property
    def finding(self) -> str:
        """The identifier."""
        ...

    @property
    def title(self) -> str:
        """The title; empty where it was not recorded."""
        ...


def title_of(finding: Titled) -> str:
    """Return the title of a finding; of one that this version does not know, its identifier in small letters."""
    return finding.title or TITLES.get(finding.finding) or finding.finding.replace("_", " ").lower()


def without_identifiers(text: str) -> str:
    """Return a text of an earlier version with titles in place of the identifiers of findings."""
    return _NAMES.sub(lambda match: f'"{TITLES[match[1]]}"', text)
