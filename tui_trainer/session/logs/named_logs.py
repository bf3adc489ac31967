"""Tell the arguments of a command apart: names of own runs, and logs of other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.errors import UserError
from tui_trainer.paths import expanded
from tui_trainer.readers.columns import TOLD
from tui_trainer.readers.find_logs import Log, find_logs, log_at
from tui_trainer.readers.formats import FORMATS
from tui_trainer.runs.run_info import is_run


@dataclass(slots=True)
class Named:
    """The meaning of the arguments of a command, in their order: folders of own runs, and logs."""

    entries: list[Path | Log] = field(default_factory=list["Path | Log"])
    problems: list[str] = field(default_factory=list[str])

    @property
    def logs(self) -> list[Log]:
        """The logs."""
        return [each for each in self.entries if isinstance(each, Log)]


def parse_told(options: Sequence[str]) -> dict[str, str]:
    """Parse the values of `--map`: role=column.

    Raises:
        UserError: one has no column, or the role is not known.
    """
    told: dict[str, str] = {}
    for option in options:
        role, equals, column = option.partition("=")
        if not equals or not column or role not in TOLD:
            raise UserError(f"--map {option!r}: write ROLE=COLUMN; a role is one of {', '.join(TOLD)}")
        told[role] = column
    return told


def logs_named(name: str, told: Mapping[str, str]) -> Named | None:
    """Return the logs that an argument names by its path, and own runs beside them; None where it names no log.

    Raises:
        UserError: the path is a file that no reader takes, or cannot be read, or a link without an end.
    """
    path = expanded(name)
    try:
        if path.is_dir():
            return None if is_run(path) else _in_folder(path, told)
        if path.name == "events.jsonl" and is_run(path.parent):
            return Named([path.parent])
        if not path.exists():
            if path.is_symlink():
                raise UserError(f"{name}: the link leads to no file, or in a circle")
            return None
        if not path.is_file():  # reading it could wait for ever
            raise UserError(f"{name}: a pipe, socket or device; only files and folders can be read")
        log = log_at(path)
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}") from None
    if log is None:
        kinds = ", ".join(dict.fromkeys(each.name for each in FORMATS))
        raise UserError(f"{name!r} is not a run folder, and no log that can be read ({kinds})")
    if not path.stat().st_size:
        raise UserError(f"{name}: the file is empty")
    return Named([log])


def _in_folder(path: Path, told: Mapping[str, str]) -> Named | None:
    found = find_logs(path, told)
    if not found.logs:
        if found.problems and not found.runs:
            raise UserError(found.problems[0])
        return None
    return Named([*found.runs, *found.logs], found.problems)


def distinct(entries: Sequence[Path | Log]) -> None:
    """Give logs of the same name different ones, so that each is a run of its own."""
    taken = {each.name for each in entries if isinstance(each, Path)}
    for log in entries:
        if isinstance(log, Log):
            base, number = log.name, 1
            while log.name in taken:
                number += 1
                log.name = f"{base} ({number})"
            taken.add(log.name)
