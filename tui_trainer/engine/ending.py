"""How a run is going to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import Reason


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the run ends, when, and with which weights."""

    reason: Reason
    detail: str
    when: Literal["batch", "epoch"] = "batch"
    restore_best: bool = False
    cause: AnyCommand | None = None
