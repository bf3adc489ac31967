"""A monitor in one of several processes that train together: one run of all, or the first is only watched."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tui_trainer.distributed.environment import rank, world_size
from tui_trainer.errors import UserError

if TYPE_CHECKING:
    from tui_trainer.monitor.build import Given
    from tui_trainer.monitor.ranks.together import Together
    from tui_trainer.monitor.script_run import ScriptRun
    from tui_trainer.monitor.services import ScriptServices

ONLY_WATCHED = (
    "this is one of {size} processes that train together, and only it would obey: call "
    "torch.distributed.init_process_group before Monitor, and make Monitor on every rank"
)
ALLOWED = ("Note", "SaveCheckpoint")
"""Commands that change nothing in the training."""


def place() -> tuple[int, int]:
    """Return the number of this process among those that train together, and how many there are."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank()), int(distributed.get_world_size())
    return rank(), world_size()


def made(given: Given) -> ScriptRun | None:
    """Return the run of a monitor; None in a process that has none.

    Raises:
        TypeError, ValueError: an argument is not what it should be.
        UserError: nothing can be written, or there is nothing to go on with.
    """
    from tui_trainer.monitor.build import build

    number, size = place()
    if size == 1:
        return build(given)
    from tui_trainer.monitor.ranks.together import find_others

    together = find_others(given.name, number, size)
    if together is not None:
        return _joined(given, together)
    if number:
        return None
    run = build(given)
    only_watch(run.services, size)
    return run


def _joined(given: Given, together: Together) -> ScriptRun | None:
    from tui_trainer.monitor.ranks.entering import enter

    try:
        return enter(given, together)
    except BaseException as error:
        if together.leads:
            together.refuse(str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}")
        raise


def only_watch(services: ScriptServices, size: int) -> None:
    """Have every command refused that this one of several processes would obey alone."""
    from tui_trainer.engine.commands.handlers import HANDLERS

    reason = ONLY_WATCHED.format(size=size)
    services.further |= {kind.__name__: reason for kind in HANDLERS if kind.__name__ not in ALLOWED}
