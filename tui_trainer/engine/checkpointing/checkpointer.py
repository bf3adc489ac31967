"""Checkpoints of a run: when one is due, the order in which files are written, and which one to resume from."""

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
"""Largest share of the training time for saves that no command asked for."""

LAST, BEST = "last", "best"
_EPOCH = re.compile(r"epoch-(\d{5,})")


def is_reserved(name: str) -> bool:
    """Return whether the run itself writes, replaces and deletes checkpoints of this name."""
    return name in (LAST, BEST) or _EPOCH.fullmatch(name) is not None


class Checkpointer:
    """Writes `last`, `best` and named checkpoints of one run, and publishes only what is on disk.

    `last` names the best epoch by its step. To keep the two consistent, a new best is written under a temporary name
    first, then `last`, and only then is the new best renamed to `best`. A crash at any moment leaves the best epoch
    that `last` names on disk, under one of the three names that `find_best` tries.

    Args:
        folder: the run directory.
        settings: how often to save, and how many epochs to keep.
        publish: receives `CheckpointSaved` and `SavingFailed`.
        mark_journal: flushes the journal to disk and returns its length, which `last` refers to.
        seconds: seconds of training so far.
        last: step and epoch of the `last` that a resumed run was restored from, None for a new run.
        best: epoch of the `best` on disk, None where there is none.
    """

    def __init__(
        self,
        folder: RunDir,
        settings: Checkpoints,
        publish: Callable[[AnyEvent], None],
        mark_journal: Callable[[], dict[str, int]] = dict,
        seconds: float = 0.0,
        last: tuple[int, int] | None = None,
        best: int | None = None,
    ) -> None:
        self.last, self.best = last, best
        self._directory = folder.checkpoints
        self._claim = folder.claim
        self._settings = settings
        self._publish = publish
        self.mark_journal = mark_journal
        self._saved: set[str] = set()
        self._next = seconds + settings.every_seconds
        self._next_best_waits = False
        """Whether a new best epoch is on disk that has not been renamed to `best` yet."""
        self.failing = ""
        """Name of what could not be written the last time, empty if the last write succeeded."""

    def path(self, name: str) -> Path:
        """Return the file of a checkpoint."""
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
        """Checkpoints that were saved but are missing on disk now: the directory was removed."""
        return sorted(name for name in self._saved if not os.path.exists(self.path(name)))

    def contents(self) -> str:
        """Return in words which checkpoints of the run are on disk."""
        if self.last is None:
            return "nothing that can be resumed"
        step, epochs = self.last
        best = f", best of epoch {self.best}" if self.best is not None else ""
        return f"last of step {step:,} ({epochs} epoch{'s' if epochs != 1 else ''} done){best}"

    def load(self, name: str) -> Any:
        """Return the contents of a checkpoint. Raises `BadCheckpoint`."""
        return load(self.path(name))

    def due(self, seconds: float) -> bool:
        """Return whether the run should be saved after `seconds` of training."""
        return seconds >= self._next

    def save_last(self, tree: Any, *, step: int, epoch: int, best: Any | None, best_epoch: int) -> bool:
        """Save the run as it is, with its best epoch if that is new. Returns True if both are on disk."""
        # A new best that could not be renamed is the one that the present `last` names.
        waiting = self.path(".previous-best") if self._next_best_waits else None
        both = f"{LAST} and {BEST}"  # neither is written without the other
        if best is not None and not self._write(self._next_best, best, both, step, keep=waiting):
            return False
        self._next_best_waits = self._next_best_waits or best is not None
        name = self.path(LAST)
        size = self._write(name, tree, LAST, step, keep=self.path(".previous-last"))
        if not size:
            return False
        self._publish_saved(LAST, step, epoch, size)
        if self._next_best_waits and self._promote_best():
            self._publish_saved(BEST, step, best_epoch, self.path(BEST).stat().st_size)
        return True

    def _promote_best(self) -> bool:
        """Rename the new best epoch to `best`."""
        try:
            keep_as(self.path(BEST), self.path(".previous-best"))
            os.replace(self._next_best, self.path(BEST))
            sync_directory(self._directory)
        except OSError:
            return False  # it is on disk, and the next save renames it
        self._next_best_waits = False
        return True

    def save(self, name: str, tree: Any, *, step: int, epoch: int, cause: AnyCommand | None = None) -> bool:
        """Save under a name. Returns False, with the error published, if it could not be written."""
        size = self._write(self.path(name), tree, name, step)
        if size:
            self._publish_saved(name, step, epoch, size, cause)
        return bool(size)

    def save_best(self, tree: Any, *, step: int, epoch: int) -> bool:
        """Save a new best epoch without `last`; the best epoch that `last` names stays on disk."""
        size = self._write(self.path(BEST), tree, BEST, step, keep=self.path(".previous-best"))
        if size:
            self._publish_saved(BEST, step, epoch, size)
        return bool(size)

    def keep_epoch(self, epoch: int) -> None:
        """Keep the `last` just saved at the end of an epoch under a name of its own, and delete the oldest such one.

        Checkpoints of later epochs belong to steps that were undone: they are deleted first.
        """
        if not self._settings.keep:
            return
        try:
            keep_as(self.path(LAST), self.path(f"epoch-{epoch:05d}"))
            paths = self._directory.glob(f"epoch-*{SUFFIX}")
            numbers = [int(match[1]) for path in paths if (match := _EPOCH.fullmatch(path.stem))]
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

    def _publish_saved(self, name: str, step: int, epoch: int, size: int, cause: AnyCommand | None = None) -> None:
        self._saved.add(name)
        if name == LAST:
            self.last = step, epoch
        elif name == BEST:
            self.best = epoch
        self._publish(CheckpointSaved(name=name, epoch=epoch, step=step, bytes=size, cause=cause))

    def _failed(self, what: str, error: OSError, step: int) -> None:
        if not self.failing:
            self._publish(SavingFailed(what=what, error=error.strerror or str(error), step=step))
        self.failing = what

    def plan_next(self, seconds: float, began: float) -> None:
        """Set when the next save is due, after one at `seconds` of training that began at `began` (`perf_counter`)."""
        self._next = seconds + max(self._settings.every_seconds, self.pause_after(perf_counter() - began))

    def pause_after(self, cost: float) -> float:
        """Return the seconds of training after which a save is worth another one that takes `cost` seconds."""
        return cost / SHARE


def has_checkpoint(directory: Path) -> bool:
    """Return whether there is a file that `find_last` would try."""
    return any((directory / f"{name}{SUFFIX}").exists() for name in (LAST, ".previous-last"))


def find_last(directory: Path) -> tuple[Any | None, list[str]]:
    """Return the newest intact checkpoint, None if there is none, and the problems of those that were skipped."""
    problems: list[str] = []
    for name in (LAST, ".previous-last"):
        path = directory / f"{name}{SUFFIX}"
        if not path.exists():
            continue
        try:
            return load(path), problems
        except BadCheckpoint as error:
            problems.append(str(error))
    return None, problems


def find_best(directory: Path, step: int) -> tuple[Any | None, bool]:
    """Return the checkpoint of the best epoch, which ended after `step` steps, and whether it is complete on disk.

    If it has not been renamed to `best` yet, it has to be saved again; None if it is not on disk.
    """
    for name in (BEST, ".next-best", ".previous-best"):
        try:
            tree = load(directory / f"{name}{SUFFIX}")
        except BadCheckpoint:
            continue
        if isinstance(tree, dict) and tree.get("step") == step:
            return tree, name == BEST
    return None, True
