"""Read the files of one log on from where the last call stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.readers.find_logs import Log
from tui_trainer.readers.lines import goes_on, unended_line
from tui_trainer.readers.reading import Position, Reading, Rows, Unreadable
from tui_trainer.readers.sampling import sampled


@dataclass(slots=True)
class LogNews:
    """The result of one call: everything since the last.

    Attributes:
        runs: the columns of each run, in the order of the file.
        notes: sentences for the log.
        at_end: whether all files are read as far as they go.
        begun_again: whether a file was replaced by another or cut: everything before is void.
    """

    runs: list[tuple[str, Rows]] = field(default_factory=list[tuple[str, Rows]])
    notes: list[str] = field(default_factory=list[str])
    at_end: bool = True
    begun_again: bool = False


class LogFollower:
    """Reads the files of one log, each on from its position.

    Args:
        log: the log.
        told: the columns that the user told by role.
        limit: bytes that are read at a time; 0 for as many as the reader likes.
    """

    def __init__(self, log: Log, told: Mapping[str, str], limit: int = 0) -> None:
        self.log = log
        self._told = told
        self._limit = limit
        self._positions: dict[Path, Position] = {}
        self._unended: dict[Path, int] = {}
        """The offset of a last line that was taken although it had no end: it is read again where it goes on."""
        self._lost: set[Path] = set()
        """Files that cannot be read any more; each was named once."""

    @property
    def fraction(self) -> float:
        """The fraction of the bytes that were read."""
        sizes = [_size(path) for path in self.log.files]
        read = sum(position.offset for position in self._positions.values())
        return min(read / max(sum(sizes), 1), 1.0)

    def sampled(self, _seconds: float = 0.0) -> dict[str, Rows]:
        """Return samples of a long log, none for a short one or where its files are gone."""
        try:
            return sampled(self.log, self._told)
        except OSError:
            return {}

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def read(self, _seconds: float = 0.0) -> LogNews:
        """Read one chunk of the first file that has more.

        Raises:
            Unreadable: no file of the log can be read; the message names it.
        """
        news = LogNews()
        self._look_for_more()
        for path in self.log.files:
            if path in self._lost:
                continue
            position = self._positions.get(path, Position())
            position.limit = self._limit
            try:
                if self.log.format.appended and path.stat().st_size < position.offset:
                    self._positions.clear()
                    self._unended.clear()
                    return LogNews(begun_again=True, at_end=False, notes=[f"{path.name} was cut; it is read again"])
                reading = self._read_on(path, position)
            except (OSError, Unreadable) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                self._lost.add(path)
                if len(self._lost) == len(self.log.files):
                    raise Unreadable(f"{path}: {reason}") from None
                news.notes.append(f"{path}: {reason}")
                continue
            self._positions[path] = reading.position
            news.runs += reading.runs.items()
            news.notes += [f"{path.name}: {note}" if len(self.log.files) > 1 else note for note in reading.notes]
            if not reading.at_end:
                # A later file may go back to earlier steps, which must be known by then.
                news.at_end = False
                break
        return news

    def _read_on(self, path: Path, position: Position) -> Reading:
        """Read one chunk of a file; a last line that was torn when it was taken is read again."""
        begin = self._unended.get(path)
        if begin is not None and goes_on(path, position.offset):
            position = Position(begin, position.memory if begin else None, position.limit)
        before = position.offset
        reading = self.log.format.read(path, position, self._told)
        after = reading.position.offset
        if self.log.format.in_lines and after != before:
            begin = unended_line(path, after) if reading.at_end else None
            self._unended.pop(path, None)
            if begin is not None:
                self._unended[path] = begin
        return reading

    def _look_for_more(self) -> None:
        """Add files that writers have opened in the folder since."""
        folder = self.log.folder
        if folder is None:
            return
        try:
            names = {path.name for path in self.log.files}
            more = [
                path
                for path in folder.iterdir()
                if path.name not in names and any(path.match(pattern) for pattern in self.log.format.names)
            ]
        except OSError:
            return
        self.log.files += sorted(more)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
