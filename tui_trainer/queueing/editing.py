"""Add entries to a queue, and remove them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime

from tui_trainer.config.preset import load
from tui_trainer.config.trust import check_trust
from tui_trainer.config.unused_settings import refuse_unused
from tui_trainer.errors import UserError
from tui_trainer.paths import check_working_directory, new_name
from tui_trainer.queueing.entries import Entry, Queue
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.runs.run_dir import name_is_taken


def now() -> str:
    """Return the time as it is written into the file."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def add(file: QueueFile, source: str, changes: Sequence[str], *, name: str | None = None, trust: bool = False) -> Entry:
    """Add a preset to the end of the queue. Its settings are resolved now: a later change of the file is not seen.

    Raises:
        UserError: the preset, a change or the name is invalid, or it imports the user's own code without `trust`.
    """
    check_working_directory()
    preset = load(source, changes)
    check_trust(preset.runs.values(), preset.source, trust)
    for variant, config in preset.runs.items():
        refuse_unused(config, f"{preset.source}: variant {variant}" if variant else preset.source)
    if name is not None and name_is_taken(file.directory / new_name(name, "--name")):
        raise UserError(f"run {name!r} already exists in {file.directory}; choose another --name")
    runs = {
        variant: config.model_copy(update={"data": config.data.located()}).model_dump(mode="json", exclude_none=True)
        for variant, config in preset.runs.items()
    }

    def entry_of(queue: Queue) -> Entry:
        if name and any(entry.name == name and not entry.over for entry in queue.entries):
            raise UserError(f"run {name!r} is in the queue already; choose another --name")
        return Entry(
            number=queue.next_number,
            preset=preset.name,
            runs=runs,
            changes=tuple(changes),
            name=name or "",
            cwd=os.getcwd(),
            trust=trust,
            added=now(),
        )

    return file.change(lambda queue: queue.with_entry(entry_of(queue))).entries[-1]


def remove(file: QueueFile, number: int) -> Entry:
    """Remove an entry from the queue; the run of one that is over stays.

    Raises:
        UserError: there is no such entry, or its run has begun.
    """
    removed: list[Entry] = []

    def without(queue: Queue) -> Queue:
        entry = next((each for each in queue.entries if each.number == number), None)
        if entry is None:
            numbers = ", ".join(str(each.number) for each in queue.entries)
            raise UserError(f"no entry {number} in the queue; {f'it has {numbers}' if numbers else 'it is empty'}")
        if entry.state == "training" and file.runner.holder() is not None:
            raise UserError(f"entry {number} is being trained; `tui-trainer send {entry.name} stop` ends its run")
        removed.append(entry)
        return queue.without(number)

    file.change(without)
    return removed[0]
