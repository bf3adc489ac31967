"""Taking back the last intervention: a copy of the run is kept from just before each one that can hurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_trainer.engine import progress
from tui_trainer.engine.tree import copied, size_of
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

HURTS = (cmd.SetLearningRate, cmd.SetScheduler, cmd.SetOptimizer, cmd.SetClip, cmd.SetEpochs, cmd.RollBack)
"""What can be taken back."""
DEPTH = 16
MAX_BYTES = 1 << 30
"""Bytes that all the copies together may take; the oldest go first, the newest always stays."""


@dataclass(frozen=True, slots=True)
class Undoable:
    """A copy of the run from just before a command, and the command."""

    command: cmd.AnyCommand
    tree: progress.Tree
    best_weights: progress.Tree | None
    best_is_saved: bool
    bytes: int


def remember(trainer: Trainer, command: cmd.AnyCommand) -> bool:
    """Keep a copy of the run before a command that can hurt; whether one was kept."""
    if not isinstance(command, HURTS):
        return False
    tree = copied(progress.checkpoint(trainer))
    stack = trainer.undo_stack
    stack.append(Undoable(command, tree, trainer.best_weights, trainer.best_is_saved, size_of(tree)))
    while len(stack) > DEPTH or (len(stack) > 1 and sum(kept.bytes for kept in stack) > MAX_BYTES):
        stack.pop(0)
    return True


def forget(trainer: Trainer) -> None:
    """Let the newest copy go: its command was refused."""
    trainer.undo_stack.pop()


def take_back(trainer: Trainer, command: cmd.Undo) -> None:
    """Go back to just before the newest intervention, and on from there without it."""
    kept = trainer.undo_stack.pop()
    left = trainer.step
    progress.restore(trainer, kept.tree, pending=False)
    trainer.best_weights, trainer.best_is_saved = kept.best_weights, kept.best_is_saved
    trainer.resume_rng()
    trainer.rewound = True
    stopping = trainer.judge.stopping
    trainer.publish(
        ev.RolledBack(
            to=" ".join(kept.command.cli_names()[0].split("-")),
            from_epoch=trainer.epoch,
            step=trainer.step,
            cause=command,
            restored=ev.Restored(
                from_step=left,
                undid=kept.command.id,
                seconds=round(trainer.watch.read(), 4),
                epochs=trainer.epochs,
                lr=trainer.rate,
                clip_grad_norm=trainer.clip,
                patience=stopping.patience,
                min_delta=stopping.min_delta,
                early_stopping=stopping.enabled,
                bad_epochs=trainer.judge.bad_epochs,
                plan=trainer.plan,
                optimizer=trainer.optimizer_choice,
                best=trainer.judge.best,
            ),
        )
    )
