"""How the screen ended."""

from __future__ import annotations

from dataclasses import dataclass

from tui_trainer.errors import UserError

LOST = 1
"""Exit code where the session broke before the run was over."""


@dataclass(frozen=True, slots=True)
class AppResult:
    """How the screen ended.

    Attributes:
        exit_code: of the process.
        message: lines for people, empty where nothing is to be said.
        refused: what was wrong with what was to be opened.
    """

    exit_code: int
    message: str = ""
    refused: UserError | None = None
