"""The lecture on the screen: its table of contents, and the tour that plays by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_trainer.session.connect import RunDirectory


def open_lecture(rows: Sequence[str] = (), *, play: bool = False, runs_dir: str | None = None) -> int:
    """Open the table of contents, or begin with a row at once; returns the exit code.

    Args:
        rows: numbers of rows, S01 to S49, or names of the lecture's presets; the first one is opened.
        play: the lecture plays by itself: these rows, all of them where none is given.
        runs_dir: where the runs are kept.

    Raises:
        UserError: no screen can be drawn here; no preset shows such a row.
    """
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.session.connect import RunDirectory
    from tui_trainer.ui.lecture.tour import LecturePlan

    directory = RunDirectory(runs_dir)
    chosen = [_row(name, directory) for name in rows]
    check_terminal("--list prints the rows, --check measures what they claim")
    return show(programme=LecturePlan(directory, chosen, play))


def _row(name: str, directory: RunDirectory) -> str:
    """The row that a person means by a number or by the name of a preset."""
    from tui_trainer.errors import UserError, did_you_mean

    lessons = directory.lessons()
    found = next((lesson for lesson in lessons if name.upper() in lesson.lesson.rows or name == lesson.name), None)
    if found is None:
        known = [row for lesson in lessons for row in (*lesson.lesson.rows, lesson.name)]
        raise UserError(f"no row {name!r} in the lecture; {did_you_mean(name, known)}")
    return name.upper() if name.upper() in found.lesson.rows else found.lesson.rows[0]
