"""Guess which columns of a table are the step, the epoch and the time, and which series a column is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tui_trainer.errors import did_you_mean
from tui_trainer.readers.reading import Unreadable

AXES: dict[str, tuple[str, ...]] = {
    "step": ("step", "global_step", "_step", "steps", "iteration", "iter", "trainer/global_step", "train/global_step"),
    "epoch": ("epoch", "epochs", "train/epoch", "epoch_number"),
    "seconds": ("seconds", "time", "elapsed", "wall time", "wall_time", "_runtime", "timestamp", "_timestamp"),
    "run": ("run",),
}
"""Names of the columns by which others are drawn, the likeliest first; compared without case and blanks around them."""
ROLES: dict[str, tuple[str, ...]] = {
    "train_loss": ("train_loss", "loss", "train/loss", "loss/train", "training_loss", "train_loss_step"),
    "val_loss": ("val_loss", "eval_loss", "val/loss", "eval/loss", "loss/val", "valid_loss", "validation_loss"),
    "lr": ("lr", "learning_rate", "train/learning_rate", "train/lr", "lr-*", "lr/pg0"),
}
"""Names of the series that the charts and the diagnosis know, and what other programs call them; * is any text."""
_KNOWN = frozenset(key for keys in ROLES.values() for key in keys)
_PATTERNS = tuple(key for key in _KNOWN if "*" in key)
TOLD = (*(axis for axis in AXES if axis != "run"), *ROLES)
"""Roles that the user can tell."""
OWN = ("seconds", "evaluations", "mean_train_loss")
"""Names of series with a meaning of their own, which a column of another log must not take."""


@dataclass(frozen=True, slots=True)
class Axes:
    """Names of the columns that others are drawn by; None where a table has no such column."""

    step: str | None
    epoch: str | None
    seconds: str | None
    run: str | None = None

    @property
    def all(self) -> frozenset[str]:
        """The names."""
        return frozenset(name for name in (self.step, self.epoch, self.seconds, self.run) if name is not None)

    def in_words(self) -> str:
        """Return which columns were taken, in words."""
        epoch = self.epoch if self.step is not None else None
        taken = {"step": self.step or self.epoch, "epoch": epoch, "time": self.seconds, "run": self.run}
        return ", ".join(f"{role} is {name!r}" for role, name in taken.items() if name is not None)


def guess_axes(names: Iterable[str], told: Mapping[str, str]) -> Axes:
    """Guess the axes of a table from the names of its columns.

    Raises:
        Unreadable: there is no step or epoch, or a column that the user told.
    """
    names = list(names)
    for role, column in told.items():
        if column not in names:
            raise Unreadable(f"--map {role}={column}: no such column; {did_you_mean(column, names[:40])}")
    by_key = {name.strip().casefold(): name for name in reversed(names)}
    found = {
        role: told.get(role) or next((by_key[key] for key in keys if key in by_key), None)
        for role, keys in AXES.items()
    }
    if found["step"] is None and found["epoch"] is None:
        shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise Unreadable(f"no column is named step or epoch; tell it with --map step=COLUMN (columns: {shown})")
    return Axes(found["step"], found["epoch"], found["seconds"], found["run"])


def has_role(name: str) -> bool:
    """Return whether the charts and the diagnosis know a column by its name: it is read however many there are."""
    key = name.strip().casefold()
    return key in _KNOWN or any(fnmatchcase(key, pattern) for pattern in _PATTERNS)


class Names:
    """Gives each column the name of its series: the first that fits a role gets it, others keep their own.

    Args:
        told: the columns that the user told by role.
    """

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = {column: role for role, column in told.items() if role in ROLES}
        self._taken: dict[str, str] = {role: column for column, role in self._told.items()}
        self._names: dict[str, str] = {}

    def add(self, columns: Iterable[str]) -> dict[str, str]:
        """Name new columns. Returns the roles that were given now, by column."""
        new = [column for column in columns if column not in self._names]
        given: dict[str, str] = {}
        for role, known in ROLES.items():
            for key in known:
                if role in self._taken:
                    break
                found = next((column for column in new if fnmatchcase(column.strip().casefold(), key)), None)
                if found is not None:
                    self._taken[role] = found
        for column in new:
            role = next((role for role, taken in self._taken.items() if taken == column), None)
            if role is not None:
                given[column] = role
            self._names[column] = role or self._own(column.strip() or "column")
        return given

    def _own(self, name: str) -> str:
        if name in ROLES or name in OWN or name.startswith(("axis/", "system/", "class/")):
            name = f"log/{name}"
        while name in self._names.values():
            name += "'"
        return name

    def __getitem__(self, column: str) -> str:
        return self._names[column]
