"""A monitor in one of several processes that train together: the first has the run, and it is only watched."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tui_trainer.distributed.environment import rank, world_size
from tui_trainer.monitor.parts.settings import watched_by_default

if TYPE_CHECKING:
    from tui_trainer.monitor.services import ScriptServices

ONLY_WATCHED = (
    "this is one of {size} processes that train together, and only it would obey: the others would go on otherwise, or "
    "wait for good. It is watched; a preset is steered on all of them with `tui-trainer run --processes {size}`"
)
ALLOWED = ("Note", "SaveCheckpoint")
"""Commands that change nothing in the training."""


def place() -> tuple[int, int]:
    """Return the number of this process among those that train together, and how many there are."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank()), int(distributed.get_world_size())
    return rank(), world_size()


def has_run(*, all_obey: bool) -> bool:
    """Return whether a monitor of this process makes a run: of processes that train together the first one does.

    Args:
        all_obey: whether the loop chooses the process itself.
    """
    return watched_by_default() and (all_obey or place()[0] == 0)


def only_watch(services: ScriptServices) -> None:
    """Have every command refused that this one of several processes would obey alone."""
    size = place()[1]
    if size == 1:
        return
    from tui_trainer.engine.commands.handlers import HANDLERS

    reason = ONLY_WATCHED.format(size=size)
    services.further |= {kind.__name__: reason for kind in HANDLERS if kind.__name__ not in ALLOWED}
