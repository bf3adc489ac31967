"""Logs of other programs as arguments of commands: resolve, show, read and compare them beside own runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui_trainer.errors import UserError
from tui_trainer.paths import expanded
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.readers.apart.remote_follower import RemoteFollower
    from tui_trainer.readers.find_logs import Log
    from tui_trainer.runs.comparing.comparison import ComparedRun
    from tui_trainer.runs.run_info import RunInfo
    from tui_trainer.session.base import Session
    from tui_trainer.session.logs.log_run import LogRun
    from tui_trainer.session.logs.named_logs import Named
    from tui_trainer.ui.printing.request import ScreenRequest

FIRST_LOOK = 1 << 16
"""Bytes of a log that are read before there is a screen."""
MAX_SHOWN = 50
"""Most logs and runs that one screen shows."""


def entries_with_logs(names: Sequence[str], directory: Path, told: Mapping[str, str]) -> list[Path | Log] | None:
    """Return what the names mean, None where all of them are names of own runs."""
    if all(map(_is_run_name, names)):
        return None  # without the import of readers: the first frame waits for this
    from tui_trainer.session.logs.named_logs import logs_named

    if not any((found := logs_named(name, told)) is not None and found.logs for name in names):
        return None
    return named_entries(names, directory, told)


def _is_run_name(name: str) -> bool:
    """Return whether an argument can name nothing but a run: it is no path, or the folder of a run."""
    from tui_trainer.runs.run_info import is_run

    path = expanded(name)
    try:
        return is_run(path) if path.is_dir() else not (path.exists() or path.is_symlink())
    except OSError:
        return False


def named_entries(names: Sequence[str], directory: Path, told: Mapping[str, str]) -> list[Path | Log]:
    """Return the folders of own runs and the logs that names mean, in order, each once.

    Raises:
        UserError: a name means neither.
    """
    from tui_trainer.session.connect import folders_of
    from tui_trainer.session.logs.named_logs import distinct, logs_named

    entries: list[Path | Log] = []
    seen: set[str] = set()
    for name in names:
        found = logs_named(name, told)
        if found is not None:
            tell(found.problems)
        for entry in found.entries if found is not None else folders_of(name, directory):
            key = str((entry if isinstance(entry, Path) else entry.files[0]).absolute())
            if key not in seen:
                seen.add(key)
                entries.append(entry)
    distinct(entries)
    return entries


def tell(problems: Sequence[str]) -> None:
    """Print what could not be read, on stderr."""
    for problem in problems[:5]:
        click.echo(visible(f"note: {problem}"), err=True)
    if len(problems) > 5:
        click.echo(f"note: {len(problems) - 5} more could not be read", err=True)


def show_entries(
    entries: Sequence[Path | Log],
    told: Mapping[str, str],
    *,
    max_kbps: float | None = None,
    page: str = "",
    once: ScreenRequest | None = None,
    problems: Sequence[str] = (),
    wait: bool = False,
) -> int:
    """Show own runs and logs in the same charts, and return the exit code.

    Args:
        wait: whether a log may hold no numbers yet.

    Raises:
        UserError: there are too many, or a log cannot be read.
    """
    from tui_trainer.cli.open_screen import show, show_folders

    folders = [entry for entry in entries if isinstance(entry, Path)]
    if len(folders) == len(entries):
        return show_folders(folders, max_kbps=max_kbps, page=page, once=once)
    if len(entries) > MAX_SHOWN:
        if once is not None:
            raise UserError(f"{len(entries)} logs and runs, more than {MAX_SHOWN} cannot be drawn together; name some")
        entries = pick(entries)
        if not entries:
            return 0
    tell(problems)
    logs = [entry for entry in entries if not isinstance(entry, Path)]
    unreadable = check_readable(logs, told, wait=wait)
    tell([problem for _, problem in unreadable])
    entries = [entry for entry in entries if all(entry is not log for log, _ in unreadable)]

    from tui_trainer.readers.apart.remote_follower import followers

    # Reading long logs in another process overlaps with importing the screen.
    apart = followers([entry for entry in entries if not isinstance(entry, Path)], told)
    return show(lambda: session_of(entries, told, apart), read_only=True, max_kbps=max_kbps, page=page, once=once)


def session_of(
    entries: Sequence[Path | Log], told: Mapping[str, str], apart: Sequence[RemoteFollower] | None = None
) -> Session:
    """Return a session with own runs and logs; `apart` reads the logs in another process."""
    from tui_trainer.session.logs.log_session import BUDGET, LogSession

    budget = BUDGET / len(entries)
    follower_of = {id(each.log): each for each in apart or ()}

    def session(entry: Path | Log) -> Session:
        if not isinstance(entry, Path):
            return LogSession(entry, told, budget, follower_of.get(id(entry)))
        from tui_trainer.session.finished_run import JournalSession

        return JournalSession(entry)

    sessions = [session(entry) for entry in entries]
    if len(sessions) == 1:
        return sessions[0]
    from tui_trainer.session.multi import MultiSession

    return MultiSession(sessions)


def pick(entries: Sequence[Path | Log]) -> list[Path | Log]:
    """Return the logs and runs that the user chooses from a list, none where the user leaves it."""
    from tui_trainer.ui.screens.pick_logs import PickLogs

    names = [
        f"{entry.name}  (run)" if isinstance(entry, Path) else f"{entry.name}  ({entry.format.name})"
        for entry in entries
    ]
    title = f"{len(names)} logs and runs: choose up to {MAX_SHOWN}"
    return [entries[index] for index in PickLogs(title, names, MAX_SHOWN).run() or ()]


def check_readable(logs: Sequence[Log], told: Mapping[str, str], *, wait: bool = False) -> list[tuple[Log, str]]:
    """Read the beginning of each log, so that one that cannot be read is named before there is a screen.

    Returns:
        The logs that were found in a folder and cannot be read, each with the reason.

    Raises:
        UserError: a log that was named cannot be read, or none can.
    """
    from tui_trainer.readers.follower import LogFollower
    from tui_trainer.readers.formats import HEAD
    from tui_trainer.readers.reading import Unreadable
    from tui_trainer.readers.sampling import MIN_BYTES

    unreadable: list[tuple[Log, str]] = []
    for log in logs:
        try:
            long = sum(path.stat().st_size for path in log.files if path.exists()) >= MIN_BYTES
            news = LogFollower(log, told, HEAD if long else FIRST_LOOK).read()
            if news.at_end and not wait and not any(rows.columns or rows.media for _, rows in news.runs):
                raise Unreadable(f"{log.files[0]}: holds no numbers; `tui-trainer attach` waits for the first")
        except Unreadable as error:
            if not log.found or len(unreadable) == len(logs) - 1:
                raise UserError(str(error)) from None
            unreadable.append((log, str(error)))
    return unreadable


def read_logs(named: Named, told: Mapping[str, str]) -> list[tuple[RunInfo, LogRun]]:
    """Read logs to their ends. Raises `UserError`."""
    unreadable = check_readable(named.logs, told)
    tell([*named.problems, *(problem for _, problem in unreadable)])
    logs = [log for log in named.logs if all(log is not other for other, _ in unreadable)]
    return [pair for log in logs for pair in _read(log, told)]


def _read(log: Log, told: Mapping[str, str]) -> list[tuple[RunInfo, LogRun]]:
    from tui_trainer.readers.reading import Unreadable
    from tui_trainer.session.logs.log_info import info_of
    from tui_trainer.session.logs.log_session import LogSession

    session = LogSession(log, told)
    try:
        session.read_all()
    except Unreadable as error:
        raise UserError(str(error)) from None
    return [(info_of(log, run.state), run) for run in session.runs]


def compare_entries(entries: Sequence[Path | Log], told: Mapping[str, str], directory: Path) -> list[ComparedRun]:
    """Read own runs and logs for a comparison. Raises `UserError`."""
    from tui_trainer.runs.catalog import find_runs
    from tui_trainer.runs.comparing.comparison import ComparedRun, compare

    compared: list[ComparedRun] = []
    unreadable = check_readable([entry for entry in entries if not isinstance(entry, Path)], told)
    tell([problem for _, problem in unreadable])
    for entry in entries:
        if any(entry is log for log, _ in unreadable):
            continue
        try:
            if isinstance(entry, Path):
                compared += compare(find_runs(str(entry.absolute()), directory))
            else:
                compared += [ComparedRun(info, run.settings, []) for info, run in _read(entry, told)]
        except OSError as error:
            raise UserError(f"{error.filename}: {error.strerror}") from None
    return compared
