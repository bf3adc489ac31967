"""The trial that a script's loop was asked for, and the batches that trials have kept."""

from __future__ import annotations

from typing import Any, Protocol

from tui_trainer.engine.loop_services import LoopServices
from tui_trainer.engine.train_state import TrainState
from tui_trainer.engine.trying.trial import refuse_untriable
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.race.lines import parse_settings


class _Running(Protocol):
    def end(self) -> None: ...


class _Kept(Protocol):
    def loader_state(self) -> Any: ...


class ScriptTrials:
    """Takes the commands for trials, which wait until the loop asks for its next batch."""

    def __init__(self) -> None:
        self.asked: cmd.AnyCommand | None = None
        """The command that waits."""
        self.running: _Running | None = None
        """The trial whose batches are handed out."""
        self.store: _Kept | None = None
        """The batches that the newest trial has kept."""

    def ask(self, state: TrainState, services: LoopServices, command: cmd.AnyCommand) -> None:
        """Take in a command for the coming batches. Raises `Refusal` or `UserError` where they cannot be tried."""
        refuse_untriable(state, services)
        if isinstance(command, cmd.Race):
            for line in command.settings:
                parse_settings(line, parse_command)
        self.asked = command

    def loader_state(self) -> Any:
        """Return the state of the loader before the first batch that is kept; None without one."""
        return self.store.loader_state() if self.store is not None else None

    def leave(self) -> None:
        """Put the loop back where a trial goes on, because the loop is left."""
        if self.running is not None:
            self.running.end()
