"""The entries of the queue, and their text in `queue.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

State = Literal["waiting", "training", "done", "failed"]
"""`training` stays where a runner or the machine was cut off: the next runner continues that run."""
MAX_OVER = 50
"""Entries that are over and kept, so that the file does not grow without end."""


class Damaged(Exception):
    """The file is no queue."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One preset in the queue.

    Attributes:
        number: its number, never given twice.
        preset: name of the preset.
        runs: the resolved configuration of each variant, as it was when the entry was added; a single run has the empty
            name. A file that is edited later changes nothing here.
        changes: the KEY=VALUE of the command line, to show.
        name: name of the run directory; empty until it is known.
        cwd: working directory of `queue add`, where the user's own code is imported.
        trust: whether the configuration may import the user's own code.
        reason: how the run ended, or why it could not be trained.
        added, started, ended: times in UTC, ISO 8601; empty until they are known.
    """

    number: int
    preset: str
    runs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    changes: tuple[str, ...] = ()
    name: str = ""
    cwd: str = ""
    trust: bool = False
    state: State = "waiting"
    reason: str = ""
    added: str = ""
    started: str = ""
    ended: str = ""

    @property
    def over(self) -> bool:
        """Whether it needs no runner any longer."""
        return self.state in ("done", "failed")

    def to_json(self) -> dict[str, Any]:
        """Return the stable fields for `--json`."""
        fields = asdict(self)
        return {key: fields[key] for key in fields if key not in ("runs", "cwd", "trust")}


@dataclass(frozen=True, slots=True)
class Queue:
    """All entries in the order in which they are trained, and the number of the next one."""

    entries: tuple[Entry, ...] = ()
    next_number: int = 1

    @property
    def waiting(self) -> tuple[Entry, ...]:
        """The entries that have not begun."""
        return tuple(entry for entry in self.entries if entry.state == "waiting")

    @property
    def training(self) -> Entry | None:
        """The entry whose run has begun and is not known to be over."""
        return next((entry for entry in self.entries if entry.state == "training"), None)

    def with_entry(self, entry: Entry) -> Queue:
        """Return the queue with this entry in the place of the one of its number, or at the end."""
        if any(known.number == entry.number for known in self.entries):
            entries = tuple(entry if known.number == entry.number else known for known in self.entries)
            return Queue(_pruned(entries), self.next_number)
        return Queue((*self.entries, entry), max(self.next_number, entry.number + 1))

    def without(self, number: int) -> Queue:
        """Return the queue without the entry of this number."""
        return Queue(tuple(entry for entry in self.entries if entry.number != number), self.next_number)


def _pruned(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Drop the oldest entries that are over, where there are too many."""
    listed = tuple(entries)
    dropped = {entry.number for entry in [entry for entry in listed if entry.over][:-MAX_OVER]}
    return tuple(entry for entry in listed if entry.number not in dropped)


def encode(queue: Queue) -> bytes:
    """Return the text of the file."""
    entries = [asdict(entry) for entry in queue.entries]
    return (json.dumps({"next": queue.next_number, "entries": entries}, indent=1) + "\n").encode()


def decode(data: bytes) -> Queue:
    """Read the text of the file. Fields that are not known here are dropped.

    Raises:
        Damaged: it is no queue.
    """
    try:
        fields = json.loads(data)
        entries = tuple(_entry(each) for each in fields["entries"])
        number = fields["next"]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(str(error)) from None
    numbers = [entry.number for entry in entries]
    if type(number) is not int or len(set(numbers)) < len(numbers):
        raise Damaged("numbers")
    return Queue(entries, max([number, 1, *(each + 1 for each in numbers)]))


def _entry(fields: dict[str, Any]) -> Entry:
    known = {key: value for key, value in fields.items() if key in Entry.__dataclass_fields__}
    entry = Entry(**known | {"changes": tuple(fields.get("changes", ()))})
    texts = (entry.preset, entry.name, entry.cwd, entry.reason, entry.added, entry.started, entry.ended, *entry.changes)
    runs = entry.runs
    tables = isinstance(runs, dict) and all(isinstance(table, dict) for table in runs.values())
    if type(entry.number) is not int or not all(isinstance(text, str) for text in texts) or not tables:
        raise ValueError("entry")
    if entry.state not in get_args(State) or type(entry.trust) is not bool:
        raise ValueError("entry")
    return entry
