"""Checkpoints of a running training: when one is due, in which order they are written, and which one to go on from."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from tui_trainer.config.run_config import Checkpoints
from tui_trainer.engine.checkpointing.file_format import SUFFIX, BadCheckpoint, load, save
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent, CheckpointSaved, SavingFailed
from tui_trainer.runs.atomic_write import keep_as, sync_directory
from tui_trainer.runs.run_dir import RunDir

SHARE = 0.01
"""Largest share of the training time that saving takes while nobody asks for it."""

LAST, BEST = "last", "best"
_EPOCH = re.compile(r"epoch-(\d{5,})")


def is_reserved(name: str) -> bool:
    """Whether a checkpoint's name is one that the run itself keeps, and replaces or lets go."""
    return name in (LAST, BEST) or _EPOCH.fullmatch(name) is not None


class Checkpointer:
    """Writes `last`, `best` and named checkpoints of one run, and says only what is on disk.

    `last` names the best epoch by its step. So that the two always belong together, a new best is written beside the
    old one first, then `last`, and only then takes the name `best`; whatever moment a crash picks, the best epoch that
    `last` names is on disk under one of the three names that `find_best` tries.
    """

    def __init__(self, folder: RunDir, settings: Checkpoints, publish: Callable[[AnyEvent], None]) -> None:
        self._directory = folder.checkpoints
        self._claim = folder.claim
        self._settings = settings
        self._publish = publish
        self._said: set[str] = set()
        self._next = settings.every_seconds
        self._best_is_beside = False
        self.failing = ""
        """What could not be written the last time, empty when all was."""

    def path(self, name: str) -> Path:
        """The file of a checkpoint."""
        return self._directory / f"{name}{SUFFIX}"

    @property
    def _next_best(self) -> Path:
        return self.path(".next-best")

    @property
    def has_best(self) -> bool:
        """Whether a best epoch that was saved is still on disk."""
        return os.path.exists(self.path(BEST)) or os.path.exists(self._next_best)

    @property
    def gone(self) -> list[str]:
        """Checkpoints that were saved here and are not on disk any more: the folder was taken away."""
        return sorted(name for name in self._said if not os.path.exists(self.path(name)))

    def due(self, seconds: float) -> bool:
        """Whether the run should be saved after `seconds` of training."""
        return seconds >= self._next

    def save_last(self, tree: Any, *, step: int, epoch: int, best: Any | None, best_epoch: int) -> bool:
        """Save the run as it stands, with its best epoch where that is new; whether both are on disk."""
        # A best epoch that waits beside, because it could not take its name, is the one that the present `last` names.
        waiting = self.path(".previous-best") if self._best_is_beside else None
        both = f"{LAST} and {BEST}"  # without the one the other is not written
        if best is not None and not self._write(self._next_best, best, both, step, keep=waiting):
            return False
        self._best_is_beside = self._best_is_beside or best is not None
        name = self.path(LAST)
        size = self._write(name, tree, LAST, step, keep=self.path(".previous-last"))
        if not size:
            return False
        self._say(LAST, step, epoch, size)
        if self._best_is_beside and self._promote_best():
            self._say(BEST, step, best_epoch, self.path(BEST).stat().st_size)
        return True

    def _promote_best(self) -> bool:
        """Let the best epoch that was written beside the old one take its name."""
        try:
            keep_as(self.path(BEST), self.path(".previous-best"))
            os.replace(self._next_best, self.path(BEST))
            sync_directory(self._directory)
        except OSError:
            return False  # it is on disk all the same, and takes its name at the next save
        self._best_is_beside = False
        return True

    def save(self, name: str, tree: Any, *, step: int, epoch: int, cause: AnyCommand | None = None) -> bool:
        """Save under a name; False where it could not be written, which the run survives and says."""
        size = self._write(self.path(name), tree, name, step)
        if size:
            self._say(name, step, epoch, size, cause)
        return bool(size)

    def save_best(self, tree: Any, *, step: int, epoch: int) -> bool:
        """Save a new best epoch without the run beside it; the best one that `last` names stays on disk."""
        size = self._write(self.path(BEST), tree, BEST, step, keep=self.path(".previous-best"))
        if size:
            self._say(BEST, step, epoch, size)
        return bool(size)

    def keep_epoch(self, epoch: int) -> None:
        """Keep the save just made at the end of an epoch under its own name, and let the oldest such one go.

        Those of later epochs are of a branch that was left, by an undo: they go first.
        """
        if not self._settings.keep:
            return
        try:
            keep_as(self.path(LAST), self.path(f"epoch-{epoch:05d}"))
            kept = self._directory.glob(f"epoch-*{SUFFIX}")
            numbers = [int(found[1]) for path in kept if (found := _EPOCH.fullmatch(path.stem))]
            for old in sorted(numbers, key=lambda number: (number <= epoch, number))[: -self._settings.keep]:
                self.path(f"epoch-{old:05d}").unlink()
        except OSError as error:
            self._failed(f"checkpoint epoch-{epoch:05d}", error, 0)

    def _write(self, path: Path, tree: Any, name: str, step: int, keep: Path | None = None) -> int:
        try:
            self._claim()
            size = save(path, tree, keep)
        except OSError as error:
            self._failed(f"checkpoint {name}", error, step)
            return 0
        if self.failing:
            self._publish(SavingFailed(what=self.failing, step=step))
            self.failing = ""
        return size

    def _say(self, name: str, step: int, epoch: int, size: int, cause: AnyCommand | None = None) -> None:
        self._said.add(name)
        self._publish(CheckpointSaved(name=name, epoch=epoch, step=step, bytes=size, cause=cause))

    def _failed(self, what: str, error: OSError, step: int) -> None:
        if not self.failing:
            self._publish(SavingFailed(what=what, error=error.strerror or str(error), step=step))
        self.failing = what

    def rest(self, seconds: float, begun: float) -> None:
        """After saving since `begun` (of `perf_counter`): when it is due again, at `seconds` of training."""
        cost = perf_counter() - begun
        self._next = seconds + max(self._settings.every_seconds, cost / SHARE)


def find_last(directory: Path) -> tuple[Any | None, list[str]]:
    """The newest checkpoint that is whole, None where there is none, and what was wrong with those passed over."""
    wrong: list[str] = []
    for name in (LAST, ".previous-last"):
        path = directory / f"{name}{SUFFIX}"
        if not path.exists():
            continue
        try:
            return load(path), wrong
        except BadCheckpoint as error:
            wrong.append(str(error))
    return None, wrong


def find_best(directory: Path, step: int) -> tuple[Any | None, bool]:
    """The checkpoint of the best epoch, the one after `step` steps, and whether no more is to be done for it.

    Where it has not taken its name yet, it is to be saved once more; None where it is not on disk any more.
    """
    for name in (BEST, ".next-best", ".previous-best"):
        try:
            tree = load(directory / f"{name}{SUFFIX}")
        except BadCheckpoint:
            continue
        if isinstance(tree, dict) and tree.get("step") == step:
            return tree, name == BEST
    return None, True
