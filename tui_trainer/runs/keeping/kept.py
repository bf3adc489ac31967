"""The name, the tags and the note that a user gave a run, in `kept.json` of its folder.

The file is absent until there is something to keep. It is replaced as a whole, and fields that this version does not
know stay in it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.runs.atomic_write import read_plain, replace_file

KEPT = "kept.json"
"""Name of the file in a run folder."""
MAX_KEPT = 1 << 16
"""Bytes of the largest file that is read."""
MAX_NOTE = 4000
"""Characters of the longest note."""
MAX_TAGS = 32
"""Most tags of a run."""

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}")


@dataclass(frozen=True, slots=True)
class Kept:
    """All that a user gave a run.

    Attributes:
        name: its name in lists and commands, empty for the name of its folder.
        group: the same for the set of which it is a variant.
        tags: words to find it by, in the order of the alphabet.
        note: a text.
        hidden: whether lists leave it out.
        best_only: whether all checkpoints but the best were removed.
    """

    name: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    hidden: bool = False
    best_only: bool = False


NOTHING = Kept()
"""All that is kept of most runs."""


def read_kept(path: str | Path) -> Kept:
    """Read what a user gave the run in a folder; nothing where the file is missing or damaged."""
    try:
        return _kept(json.loads(read_plain(f"{path}/{KEPT}", MAX_KEPT)))
    except (OSError, ValueError, RecursionError):
        return NOTHING


def _kept(fields: Any) -> Kept:
    """Take from a JSON value what has the right type: the file may come from elsewhere."""
    if not isinstance(fields, dict):
        return NOTHING
    tags = fields.get("tags")
    valid = {tag for tag in tags if isinstance(tag, str) and _TAG.fullmatch(tag)} if isinstance(tags, list) else ()
    name, group, note = (
        value if isinstance(value := fields.get(key), str) else "" for key in ("name", "group", "note")
    )
    hidden, best_only = (fields.get(key) is True for key in ("hidden", "best_only"))
    return Kept(name, group, tuple(sorted(valid)), note, hidden, best_only)


def change_kept(path: str | Path, changes: Mapping[str, Any]) -> Kept:
    """Change some of what is kept of the run in a folder, and return all of it.

    Args:
        path: the run folder.
        changes: new values of fields of `Kept` by name.

    Raises:
        UserError: the file cannot be read or written; then it is as it was.
    """
    file = Path(path, KEPT)
    try:
        fields: Any = json.loads(read_plain(file, MAX_KEPT))
    except FileNotFoundError:
        fields = {}
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}; nothing was changed") from None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise UserError(f"{file}: not a table in JSON; repair or remove it, then try again")
    known = asdict(_kept(fields)) | dict(changes)
    changed = {key: value for key, value in {**fields, **known}.items() if key not in known or value}
    changed |= {"tags": sorted(set(known["tags"]))} if known["tags"] else {}
    try:
        replace_file(file, (json.dumps(changed, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{file}: cannot be written: {error.strerror}; nothing was changed") from None
    return _kept(changed)


def tag_changes(words: Iterable[str], tags: Iterable[str]) -> tuple[str, ...]:
    """Return the tags after `good` or `+good` added one and `-bad` removed one.

    Raises:
        UserError: a word is not a tag, or the run would have too many.
    """
    changed = set(tags)
    for word in words:
        tag = word.removeprefix("+") if word.startswith("+") else word.removeprefix("-")
        if _TAG.fullmatch(tag) is None:
            raise UserError(
                f"tag {word!r}: use 1 to 32 letters, digits, dots, dashes, plus signs and underscores; "
                "begin with a letter or digit, or with - to remove a tag"
            )
        (changed.discard if word.startswith("-") else changed.add)(tag)
    if len(changed) > MAX_TAGS:
        raise UserError(f"{len(changed)} tags are too many (limit {MAX_TAGS}); remove some with -TAG")
    return tuple(sorted(changed))


def checked_note(text: str) -> str:
    """Return a note without blanks at its ends. Raises `UserError` for one that is too long."""
    note = text.strip()
    if len(note) > MAX_NOTE:
        raise UserError(f"the note has {len(note):,} characters (limit {MAX_NOTE:,})")
    return note


def is_writable(path: str | Path) -> bool:
    """Return whether something can be kept of the run in a folder."""
    return os.access(path, os.W_OK | os.X_OK)
