"""Taking back the last intervention: a copy of the run is kept from just before each one that can hurt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui_trainer.engine.checkpointing import snapshot
from tui_trainer.engine.checkpointing.state_tree import copied, size_of
from tui_trainer.engine.ending import Ending
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

if TYPE_CHECKING:
    from tui_trainer.engine.trainer import Trainer

HURTS = (
    cmd.SetLearningRate, cmd.SetScheduler, cmd.SetOptimizer, cmd.SetClip, cmd.SetPatience, cmd.SetEpochs, cmd.RollBack,
)  # fmt: skip
"""What can be taken back by going back; a stop at the end of the epoch is taken back where the run stands."""
DEPTH = 16
MAX_BYTES = 1 << 30
"""Bytes that all the copies together may take; the oldest go first, the newest always stays."""


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """A copy of the run from just before a command, and the command; None where nothing has to be gone back to."""

    command: cmd.AnyCommand
    tree: snapshot.Tree | None
    best_weights: snapshot.Tree | None = None
    best_is_saved: bool = True
    ending: Ending | None = None
    """Where it is a stop: how the run would have ended before."""
    bytes: int = 0


def remember(trainer: Trainer, command: cmd.AnyCommand) -> bool:
    """Keep a copy of the run before a command that can hurt; whether one was kept."""
    if isinstance(command, cmd.Stop) and command.when == "epoch":
        _push(trainer, UndoEntry(command, None, ending=trainer.ending))
        return True
    if not isinstance(command, HURTS):
        return False
    tree = copied(snapshot.checkpoint(trainer))
    _push(trainer, UndoEntry(command, tree, trainer.best_weights, trainer.best_is_saved, bytes=size_of(tree)))
    return True


def _push(trainer: Trainer, newest: UndoEntry) -> None:
    stack = trainer.undo_stack
    stack.append(newest)
    while len(stack) > DEPTH or (len(stack) > 1 and sum(kept.bytes for kept in stack) > MAX_BYTES):
        stack.pop(0)


def forget(trainer: Trainer) -> None:
    """Let the newest copy go: its command was refused."""
    trainer.undo_stack.pop()


def take_back(trainer: Trainer, command: cmd.Undo) -> None:
    """Go back to just before the newest intervention, and on from there without it."""
    kept = trainer.undo_stack.pop()
    if kept.tree is None:
        trainer.ending = kept.ending
        trainer.enter("running" if kept.ending is None else "stopping", "the stop is taken back", command)
        return
    left, abandoned = trainer.step, trainer.judge.best
    snapshot.restore(trainer, kept.tree, pending=False)
    # The best epoch of the branch that is left may stand on disk where the one that counts again stood.
    trainer.best_weights = kept.best_weights
    trainer.best_is_saved = kept.best_is_saved and trainer.judge.best == abandoned
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
