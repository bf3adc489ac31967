"""How the screen ended."""

from __future__ import annotations

from dataclasses import dataclass

LOST = 1
"""Exit code where the session broke before the run was over."""


@dataclass(frozen=True, slots=True)
class AppResult:
    """How the screen ended: the exit code of the process, and lines for people, empty where nothing is to be said."""

    exit_code: int
    message: str = ""
