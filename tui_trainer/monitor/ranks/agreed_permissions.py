"""Permissions of a run of several processes: rank 0 judges a command before all ranks apply it."""

from __future__ import annotations

from tui_trainer.engine.loop_services import LoopServices, PermissionRules
from tui_trainer.engine.train_state import TrainState
from tui_trainer.protocol.commands import AnyCommand

ALLOWED = ("Note", "SaveCheckpoint")
"""Commands that change nothing in the training, which rank 0 obeys alone."""
NOT_TOGETHER = dict.fromkeys(
    ("FindRate", "Race", "TakeRace", "TryStep"),
    "several processes train together: their batches are taken by the loop of each",
)
"""Commands that several processes cannot carry out together, with the reasons."""


class AgreedPermissions:
    """Refuses nothing that rank 0 has let pass: each rank has a clock of its own.

    Args:
        first: the permissions by which rank 0 judges.
    """

    def __init__(self, first: PermissionRules) -> None:
        self.first = first

    def refusal(self, state: TrainState, services: LoopServices, command: AnyCommand) -> str:
        """Return nothing: rank 0 has let it pass."""
        del state, services, command
        return ""

    def needs_copy(self, state: TrainState, command: AnyCommand) -> str:
        """Return why a change without a copy is refused."""
        return self.first.needs_copy(state, command)

    def applied(self, state: TrainState, command: AnyCommand) -> None:
        """Take in that a command was applied."""
        self.first.applied(state, command)
