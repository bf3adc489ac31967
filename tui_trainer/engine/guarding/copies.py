"""Copies in memory of the weights and the optimizer of a run, to go back a number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RecentCopy:
    """Model and optimizer after `step` steps; the tree is never written to.

    Attributes:
        bytes: size of its tensors.
    """

    step: int
    tree: dict[str, Any]
    bytes: int

    def state_dict(self) -> dict[str, Any]:
        """Return it for a checkpoint, with the live tensors."""
        return {"step": self.step, "tree": self.tree, "bytes": self.bytes}


class RecentCopies:
    """The newest copies of a run, taken every half of the reach, so that three are enough.

    Args:
        reach: steps that a roll-back goes back at least.
        copies: those that there are, oldest first.
    """

    def __init__(self, reach: int, copies: Sequence[RecentCopy] = ()) -> None:
        self.reach = reach
        self.copies = list(copies)

    def due(self, step: int) -> bool:
        """Return whether a copy is to be taken after this step."""
        return not self.copies or step - self.copies[-1].step >= -(-self.reach // 2)

    def add(self, copy: RecentCopy) -> None:
        """Keep a copy, and drop those that no roll-back needs any more."""
        self.copies.append(copy)
        old = [index for index, one in enumerate(self.copies) if copy.step - one.step >= self.reach]
        del self.copies[: old[-1] if old else 0]

    def at_least(self, steps: int, now: int) -> RecentCopy | None:
        """Return the newest copy that is at least so many steps old; where all are younger, the oldest."""
        old = [one for one in self.copies if now - one.step >= steps]
        return old[-1] if old else self.copies[0] if self.copies else None

    def forget_after(self, step: int) -> None:
        """Drop the copies of steps after this one: the run has left them."""
        self.copies = [one for one in self.copies if one.step <= step]

    @property
    def bytes(self) -> int:
        """Size of all copies."""
        return sum(one.bytes for one in self.copies)
