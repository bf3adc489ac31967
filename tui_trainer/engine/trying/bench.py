"""A run that is set up only to try steps on it: no run folder, no host, no step of its own."""

from __future__ import annotations

import threading
from pathlib import Path

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.restore import restore_last
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.trainer import Trainer
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev


class TrialBench:
    """Applies commands to a run that stands still.

    Args:
        name: the name of the run, in messages.
        config: the run.
        checkpoints: the folder from whose newest checkpoint its weights come; None for those to begin with.
    """

    def __init__(self, name: str, config: RunConfig, checkpoints: Path | None = None) -> None:
        self._events: list[ev.AnyEvent] = []
        self._commands = CommandQueue(threading.Event())
        self._trainer = trainer = Trainer(name, config, self._events.append, self._commands)
        trainer.set_up(restored=checkpoints is not None)
        if checkpoints is not None:
            restore_last(trainer.state, trainer.services, checkpoints)
        trainer.begin(None)
        self._name = name
        self._run = trainer.run()
        state = trainer.state
        state.script.clear()
        while self._commands.take() is not None:  # what waited in the checkpoint
            pass
        if state.epoch >= state.epochs:  # a run that is over has batches again
            self._commands.put(cmd.SetEpochs(value=state.epoch + 1))
        self._commands.put(cmd.Pause())
        next(self._run)

    def apply(self, command: cmd.AnyCommand) -> ev.AnyEvent:
        """Apply a command and return the event that answers it. Raises `UserError` where it is refused."""
        self._commands.put(command)
        before = len(self._events)
        next(self._run, None)
        answer = next(
            event for event in self._events[before:] if event.cause is not None and event.cause.id == command.id
        )
        if isinstance(answer, ev.Refused):
            raise UserError(f"{self._name}: {answer.reason}")
        return answer
