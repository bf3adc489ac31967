"""Open the lecture on the screen: table of contents, one row, or autoplay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui_trainer.config.teaching.course import Course
    from tui_trainer.session.connect import RunDirectory
    from tui_trainer.ui.printing.request import ScreenRequest


def open_lecture(
    rows: Sequence[str] = (),
    *,
    play: bool = False,
    runs_dir: str | None = None,
    once: ScreenRequest | None = None,
    course: Course | None = None,
    trust: bool = False,
    route: bool = False,
) -> int:
    """Show the lecture until the user leaves it; return the exit code.

    Args:
        rows: row numbers, S01 to S49 and X01 to X08, or names of lecture presets; the first one opens at once. Without
            rows the table of contents opens.
        play: play the rows automatically; all rows if none are given.
        runs_dir: the runs directory.
        once: print this screen as text instead, with the first row highlighted; nothing is trained.
        course: the course; None for the one that comes with the program.
        trust: whether lessons of the course may import the user's own code.
        route: whether the rows are a route, which next and previous lesson follow.

    Raises:
        UserError: the screen cannot be drawn here, or no preset shows a requested row.
    """
    from tui_trainer.cli.open_screen import check_terminal, show
    from tui_trainer.config.teaching.course import bundled_course
    from tui_trainer.session.connect import RunDirectory
    from tui_trainer.ui.lecture.tour import LecturePlan

    course = course or bundled_course()
    directory = RunDirectory(runs_dir, course=course, trust=trust)
    numbers = [_row_number(name, directory) for name in rows]
    if once is not None:
        return show(programme=LecturePlan(directory, course=course), once=replace(once, find=next(iter(numbers), "")))
    check_terminal("use --list to print the rows or --check to check their claims")
    return show(programme=LecturePlan(directory, numbers, play, course, route))


def _row_number(name: str, directory: RunDirectory) -> str:
    """Return the row number for a row number in any case or the name of a lecture preset."""
    from tui_trainer.errors import UserError, did_you_mean

    lessons = directory.lessons()
    for lesson in lessons:
        row = next((row for row in lesson.lesson.rows if row.casefold() == name.casefold()), None)
        if row is not None:
            return row
    match = next((lesson for lesson in lessons if name == lesson.name), None)
    if match is None:
        known = dict.fromkeys(row for lesson in lessons for row in (*lesson.lesson.rows, lesson.name))
        raise UserError(f"no row {name!r} in the lecture; {did_you_mean(name, known)}")
    return match.lesson.rows[0]
