"""Open a SQLite database so that nothing in its folder is written to, and check its tables."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, time

from tui_trainer.readers.reading import SETTLED, Unreadable

MAGIC = b"SQLite format 3\0"
PATIENCE = 5.0
"""Seconds that one call may take."""
OPERATIONS = 100_000
"""Operations of the database between two looks at the clock."""
WAITING = ("locked", "readonly", "unable to open")
"""Words of errors of a database that its writer holds."""
_WRITE_AHEAD = 2
"""The version in the header of a database whose changes lie in a file beside it."""


class Busy(Exception):
    """Another program is writing to the database."""


@contextmanager
def opened(path: Path) -> Generator[sqlite3.Connection, None, None]:
    """Open a database for one call.

    A connection to a database with a write-ahead log creates files beside it. Where there is no such log, the database
    is opened as one that does not change; where its writer died, a copy is opened.

    Raises:
        Busy: its writer holds it.
        Unreadable: it is damaged.
    """
    try:
        with _without_traces(path) as (file, options), closing(_connect(file, options)) as connection:
            yield connection
    except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if any(word in reason for word in WAITING) or time() - path.stat().st_mtime < SETTLED:
            raise Busy(reason) from None
        raise Unreadable(f"the database cannot be read: {reason}") from None


@contextmanager
def _without_traces(path: Path) -> Generator[tuple[Path, str], None, None]:
    with open(path, "rb") as file:
        header = file.read(20)
    log, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    if header[18:19] != bytes([_WRITE_AHEAD]):
        yield path, "mode=ro"
    elif not log.exists() or not log.stat().st_size:
        yield path, "mode=ro&immutable=1"
    elif index.exists():
        yield path, "mode=ro"
    else:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.db"
            shutil.copyfile(path, copy)
            shutil.copyfile(log, Path(folder) / "copy.db-wal")
            yield copy, "mode=rw"


def _connect(path: Path, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True, timeout=0.2)
    connection.text_factory = _text
    connection.execute("PRAGMA trusted_schema = OFF")
    deadline = monotonic() + PATIENCE
    connection.set_progress_handler(lambda: monotonic() > deadline, OPERATIONS)
    return connection


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def columns_of(connection: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """Return the names of the columns of each table; views and virtual tables are left out."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0").fetchall()
    tables = [name for (name,) in found if isinstance(name, str)]
    named = "SELECT name FROM pragma_table_info(?)"
    return {table: frozenset(name for (name,) in connection.execute(named, (table,))) for table in tables}


def has_tables(connection: sqlite3.Connection, wanted: Mapping[str, frozenset[str]]) -> bool:
    """Return whether a database has tables with at least these columns."""
    columns = columns_of(connection)
    return all(wanted[table] <= columns.get(table, frozenset()) for table in wanted)
