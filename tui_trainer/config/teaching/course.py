"""A course: a folder with a `course.toml` (title, author, credit, parts with their rows, routes) and lessons."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tui_trainer.config.preset_library import COURSE_FILE, Table
from tui_trainer.config.teaching.claim import Claim
from tui_trainer.config.toml import read_toml
from tui_trainer.config.validation_errors import as_user_error
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import expanded, presets_dir

RowName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
"""Name of a row: letters, digits, dots, dashes and underscores, such as S01 or rates-1."""
Sentence = Annotated[str, Field(min_length=1, max_length=300)]

_STRICT = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class CoursePart(BaseModel):
    """One part of a course: a title and its rows, in order."""

    model_config = _STRICT

    title: Sentence
    rows: Annotated[dict[RowName, Sentence], Field(min_length=1)]
    """The idea of each row, in a sentence, by the name of the row."""


class Route(BaseModel):
    """A way through a course that fits into some minutes."""

    model_config = _STRICT

    minutes: Annotated[int, Field(ge=1, le=1000)]
    title: str = ""
    rows: Annotated[tuple[RowName, ...], Field(min_length=1)]


class CourseTable(BaseModel):
    """The content of a course.toml."""

    model_config = _STRICT

    title: Sentence
    author: str = ""
    """The author of the lessons."""
    credit: str = ""
    """Whose course or book they follow: shown in the contents and on the page."""
    parts: Annotated[tuple[CoursePart, ...], Field(min_length=1)]
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> CourseTable:
        known: dict[str, str] = {}
        for part in self.parts:
            for name in part.rows:
                if name.casefold() in known:
                    raise ValueError(f"parts: the row {name!r} is listed twice; give each row its own name")
                known[name.casefold()] = name
        titles = [part.title for part in self.parts]
        if len(set(titles)) != len(titles):
            raise ValueError("parts: two parts have the same title; give each its own")
        for number, route in enumerate(self.routes):
            for name in route.rows:
                if name not in known.values():
                    raise ValueError(
                        f"routes.{number}.rows: no row {name!r} in the parts; {did_you_mean(name, known.values())}"
                    )
        if len({route.minutes for route in self.routes}) != len(self.routes):
            raise ValueError("routes: two routes have the same minutes; give each its own")
        return self


@dataclass(frozen=True, slots=True)
class CourseRow:
    """One idea of a course.

    Attributes:
        id: its name, such as S01.
        group: the part that it belongs to.
        title: the idea, in a sentence.
    """

    id: str
    group: str
    title: str


@dataclass(frozen=True, slots=True)
class Course:
    """A course that was read.

    Attributes:
        folder: where its lessons lie.
        table: its course.toml.
        rows: every row by its name, in order.
    """

    folder: Path
    table: CourseTable
    rows: dict[str, CourseRow]

    @property
    def groups(self) -> tuple[str, ...]:
        """The titles of the parts, in order."""
        return tuple(part.title for part in self.table.parts)

    @property
    def bundled(self) -> bool:
        """Whether it is the course that comes with the program."""
        return self.folder == presets_dir()

    @property
    def byline(self) -> str:
        """Author and credit in one line, empty without either."""
        return " · ".join(text for text in (self.table.author, self.table.credit) if text)

    def lesson_files(self) -> dict[str, Path]:
        """Return the file of every preset of the folder by name, sorted by name."""
        return {path.stem: path for path in sorted(self.folder.glob("*.toml")) if path.name != COURSE_FILE}

    def position(self, row: str) -> int:
        """Return the place of a row in the course; one that is not listed comes last."""
        names = list(self.rows)
        return names.index(row) if row in self.rows else len(names)

    def row_named(self, text: str) -> str | None:
        """Return the row of a name in any case, None where there is none."""
        return next((name for name in self.rows if name.casefold() == text.casefold()), None)

    def wanted(self, given: Iterable[str], known: Iterable[str]) -> list[str]:
        """Return the requested rows, or all of `known` if none is given, in the course's order without duplicates.

        Raises:
            UserError: there is no such row; the nearest is named.
        """
        known = set(known)
        asked: set[str] = set()
        for text in given:
            name = self.row_named(text)
            if name is None or name not in known:
                raise UserError(f"no row {text.upper()!r} in the lecture; {did_you_mean(text.upper(), known)}")
            asked.add(name)
        return [name for name in self.rows if name in (asked or known)]

    def route(self, minutes: int) -> tuple[str, ...]:
        """Return the rows of the route of so many minutes. Raises `UserError` where there is none."""
        for route in self.table.routes:
            if route.minutes == minutes:
                return route.rows
        offered = ", ".join(str(route.minutes) for route in self.table.routes)
        raise UserError(
            f"--route {minutes}: {self.folder / COURSE_FILE} has "
            + (f"routes of {offered} minutes" if offered else "no routes")
        )


def read_course(folder: Path) -> Course:
    """Read the course.toml of a folder.

    Raises:
        UserError: the file is missing or invalid; the message gives file, key path, what was given, and what is
            allowed.
    """
    path = folder / COURSE_FILE
    if not path.is_file():
        raise UserError(f"{folder}: no course: it has no {COURSE_FILE}")
    try:
        table = CourseTable.model_validate(read_toml(path))
    except ValidationError as error:
        raise as_user_error(error, CourseTable, str(path)) from None
    rows = {name: CourseRow(name, part.title, title) for part in table.parts for name, title in part.rows.items()}
    return Course(folder, table, rows)


@lru_cache(maxsize=1)
def bundled_course() -> Course:
    """Return the course that comes with the program, read once."""
    return read_course(presets_dir())


def course_folder(text: str) -> Path | None:
    """Return the folder of a course that an argument names; None where it names a row or a lesson.

    Raises:
        UserError: it is a folder without a course, or a path to nothing.
    """
    path = expanded(text)
    if path.is_dir() and (path / COURSE_FILE).is_file():
        return path.absolute()
    if path.name == COURSE_FILE and path.is_file():
        return path.absolute().parent
    if "/" in text:
        reason = f"it has no {COURSE_FILE}" if path.is_dir() else "it is no folder"
        raise UserError(f"no course {text!r}: {reason}; a course is a folder with a {COURSE_FILE} and lessons")
    return None


def claims_of(table: Table, course: Course, source: str) -> tuple[Claim, ...]:
    """Return the claims of a lesson's file.

    Raises:
        UserError: one is invalid; the message gives file, key path, what was given, and what is allowed.
    """
    given: Any = table.get("claims", [])
    if not isinstance(given, list):
        raise UserError(f"{source}: claims: must be a list of tables, written as [[claims]]")
    rows: list[str] = list(table.get("lesson", {}).get("rows", []))
    variants = [str(variant.get("name", "")) for variant in table.get("variant", [])] or [""]
    found: list[Claim] = []
    for number, one in enumerate(given):
        try:
            claim = Claim.model_validate(one)
        except ValidationError as error:
            raise as_user_error(error, Claim, source, f"claims.{number}") from None
        claim.check_runs(variants, f"{source}: claims.{number}")
        row = claim.row or (rows[0] if rows else "")
        if row not in course.rows:
            raise UserError(f"{source}: claims.{number}.row: no row {row!r}; {did_you_mean(row, course.rows)}")
        found.append(claim.model_copy(update={"row": row}))
    return tuple(found)


def check_rows(table: Table, course: Course, source: str) -> None:
    """Check that the rows of a lesson are rows of its course. Raises `UserError` for one that is none."""
    rows: Any = table.get("lesson", {}).get("rows", [])
    for name in rows if isinstance(rows, list) else []:
        if name not in course.rows:
            raise UserError(
                f"{source}: lesson.rows: no row {name!r} in {COURSE_FILE}; {did_you_mean(str(name), course.rows)}"
            )
