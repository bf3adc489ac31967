"""The rows of the course that comes with the program, and the presets that show them.

A row is one idea, numbered S01 to S49 in the order of the slides of a university lecture, or X01 to X08 beside them;
each is shown by a preset and checked by measured claims. Parts and rows stand in `presets/course.toml`; a course of
one's own is a folder like it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tui_trainer.config.preset_library import Table, preset_tables
from tui_trainer.config.teaching.course import Course, bundled_course, check_rows
from tui_trainer.config.toml import read_toml

ROWS = bundled_course().rows
"""Every row by its number, in the lecture's order."""

GROUPS = bundled_course().groups
"""The parts of the lecture in order, which are the groups of its presets."""


def lesson_tables(course: Course) -> dict[str, Table]:
    """Return the table of every preset of a course that is a lesson, by name, unvalidated.

    Raises:
        UserError: a file cannot be read, or a lesson names a row that the course does not have.
    """
    if course.bundled:
        return {name: table for name, table in preset_tables().items() if "lesson" in table}
    found: dict[str, Table] = {}
    for name, path in course.lesson_files().items():
        table = read_toml(path)
        if "lesson" in table:
            check_rows(table, course, str(path))
            found[name] = table
    return found


def presets_by_row(course: Course | None = None) -> dict[str, list[str]]:
    """Return the presets that show each row; the row's own presets come first, in the order of their names."""
    course = course or bundled_course()
    own: dict[str, list[str]] = {number: [] for number in course.rows}
    others: dict[str, list[str]] = {number: [] for number in course.rows}
    for name, table in lesson_tables(course).items():
        rows: list[str] = table["lesson"].get("rows", [])
        for number in rows:
            (own if number == rows[0] else others)[number].append(name)
    return {number: own[number] + others[number] for number in course.rows}


def wanted(given: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the requested rows, or all if none is given, in the lecture's order without duplicates.

    Raises:
        UserError: there is no such row; the nearest is named.
    """
    return bundled_course().wanted(given, known)
