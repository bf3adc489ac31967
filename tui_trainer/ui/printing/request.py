"""The screen that is asked for as text: which one, its size, with colours or without. Imports no Textual."""

from __future__ import annotations

from dataclasses import dataclass

RUN_SCREENS = ("charts", "findings", "layers", "answers", "events", "runs", "leaderboard", "lesson", "help")
"""Screens of runs."""
LIST_SCREENS = ("home", "help")
"""Screens of the list from which runs are opened."""
LECTURE_SCREENS = ("contents", "help")
"""Screens of the lecture."""


@dataclass(frozen=True, slots=True)
class ScreenRequest:
    """A screen to print.

    Attributes:
        width: cells in a line.
        height: lines.
        screen: the name of the screen.
        color: whether to print colours.
        find: text of the item to highlight in a list; empty for the first.
    """

    width: int = 100
    height: int = 30
    screen: str = "charts"
    color: bool = False
    find: str = ""
