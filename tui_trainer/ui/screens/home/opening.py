"""The function that opens an item of the home screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import Catalog, LessonInfo
from tui_trainer.ui.screens.home.items import Item, QueueRow, Start

if TYPE_CHECKING:
    from tui_trainer.session.base import Session

Opener = tuple[str, "Callable[[], Session]"]


def opener_of(
    item: Item, catalogue: Catalog, runs: Sequence[RunInfo], start_lesson: Callable[[LessonInfo], Session]
) -> Opener:
    """Return the name of an item, and the function that starts it or joins it.

    Raises:
        UserError: an entry of the queue has no run yet.
    """
    match item:
        case Start(preset=preset):
            return preset.name, lambda: catalogue.start(preset.name)
        case LessonInfo():
            return item.name, lambda: start_lesson(item)
        case RunInfo():
            return short_name(item.shown), lambda: catalogue.join(item)
        case QueueRow(entry=entry):
            run = next((run for run in runs if entry.name and entry.name in (run.name, run.group)), None)
            if run is None:
                raise UserError(f"q{entry.number} has no run that could be opened")
            return short_name(run.shown), lambda: catalogue.join(run)
