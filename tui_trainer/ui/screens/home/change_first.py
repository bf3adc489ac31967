"""Change settings before a training: the form over a preset, a lesson or an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from tui_trainer.errors import UserError
from tui_trainer.runs.label import short_name
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.catalog import Catalog, Stored
from tui_trainer.ui.screens.home import queue_actions
from tui_trainer.ui.screens.home.desk import Desk
from tui_trainer.ui.screens.home.items import Item, QueueRow, Start

if TYPE_CHECKING:
    from tui_trainer.session.base import Session
    from tui_trainer.ui.screens.start_form import Chosen, StartForm

Open = Callable[[], "Session"]
OpenWith = Callable[[tuple[str, ...]], "Session"]


def change_first(item: Item, catalogue: Catalog, desk: Desk, begin: Callable[[str, Open], None]) -> None:
    """Show the form; enter in it starts the training, or adds it to the queue.

    Args:
        item: the preset, lesson or run.
        catalogue: its source.
        desk: shows the form, and changes the queue.
        begin: opens the session that a function starts, under a name.

    Raises:
        UserError: the item has no settings, or they cannot be read.
    """
    store = catalogue if isinstance(catalogue, Stored) else None
    if isinstance(item, QueueRow):
        raise UserError("the settings of an entry of the queue are fixed; remove it and add it again")
    if isinstance(item, RunInfo):
        if item.host:
            raise UserError(f"this run is on {item.host}: its settings can be changed there only")
        if store is None:
            raise UserError("this run cannot be trained again from here")
        name, source, title = item.name, item.path, f"Train {short_name(item.shown)} again"
        open_with: OpenWith = lambda changes: store.again(item, changes)  # noqa: E731
    else:
        name = item.preset.name if isinstance(item, Start) else item.name
        source, title = name, f"Train {name}"
        open_with = lambda changes: catalogue.start(name, changes)  # noqa: E731
    form = form_over(source, title, queue=store is not None and not isinstance(item, RunInfo))

    def answered(chosen: Chosen) -> None:
        if chosen.queue and store is not None:
            queue_actions.add(desk, store.directory(), source, chosen.changes)
        else:
            begin(name, lambda: open_with(chosen.changes))

    desk.show(form, answered)


def form_over(source: str, title: str, *, queue: bool = False) -> StartForm:
    """Return the form over a preset or a run folder.

    Raises:
        UserError: it cannot be read, or imports the user's own code.
    """
    from tui_trainer.config.preset_library import find
    from tui_trainer.config.toml import read_toml
    from tui_trainer.ui.screens.start_form import StartForm, check_of

    path = find(source)
    table = read_toml(path)
    name = path.parent.name if path.name == "run.toml" else path.stem
    base, check = check_of(table, name, f"preset {name}" if source == name else str(path))
    variants = table.get("variant", [])
    note = f"{len(variants)} runs side by side: a change is for all of them" if variants else ""
    return StartForm(title, base, check, note=note, queue=queue)
