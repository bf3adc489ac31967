"""The result of the screen: exit code and closing message."""

from __future__ import annotations

from dataclasses import dataclass

from tui_trainer.errors import UserError

LOST = 1
"""Exit code where the session broke before the run was over."""


@dataclass(frozen=True, slots=True)
class AppResult:
    """The result of the screen.

    Attributes:
        exit_code: exit code of the process.
        message: lines to print after the screen has closed; empty for none.
        refused: the error that kept the session from opening.
    """

    exit_code: int
    message: str = ""
    refused: UserError | None = None
