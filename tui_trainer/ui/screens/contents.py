"""The table of contents of the lecture: its lessons in order; enter runs one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content
from textual.events import Key
from textual.widget import Widget

from tui_trainer.lecture.progress import LessonProgress
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.course_heading import CourseHeading
from tui_trainer.ui.lecture.lesson_text import facts, intro
from tui_trainer.ui.lecture.tour import LecturePlan, Tour
from tui_trainer.ui.screens.finder import Finder, Group

if TYPE_CHECKING:
    from tui_trainer.ui.copying.texts import Copyable

WIDE = 60
"""Cells of a line that has room for rows, name and subject."""
NUMBERED = re.compile(r"S\d\d")
"""Names of rows that stand in for a span: S18-20."""
ROWS_WIDTH = 12
"""Cells of the column with the row numbers."""


class Contents(Finder[LessonInfo]):
    """The lessons by group. Leaving a lesson leads back here, or on to the next or previous one."""

    HEADING = "tui-trainer · the lecture"
    PLACEHOLDER = "/ to search by row, name or word"
    EFFECT = "run"
    KEYS = "enter run · j k ↑↓ choose · / search · : commands · ? help · q leave"
    RELOAD_INTERVAL = 3600.0

    def __init__(self, programme: LecturePlan, icons: Icons) -> None:
        super().__init__(icons)
        self._programme = programme
        self._tour = Tour(playing=programme.play)
        self._opened_first = False

    def top(self) -> Widget:
        """Return the first line: the title of the course and its credit."""
        return CourseHeading(self._programme.course, "the lecture")

    @property
    def tour(self) -> Tour:
        """The position in the lecture."""
        return self._tour

    def read(self) -> list[Group[LessonInfo]]:
        """Read the lessons."""
        return lesson_groups(self._programme.lessons.lessons())

    def key(self, item: LessonInfo) -> str:
        """Return the name of the preset."""
        return item.name

    def texts(self, item: LessonInfo) -> tuple[str, ...]:
        """Return rows and names first, then the texts of the lesson."""
        return lesson_texts(item)

    def copies(self, item: LessonInfo) -> list[Copyable]:
        """Return the name, the title and the command of a lesson."""
        from tui_trainer.ui.copying.texts import preset_copies

        return preset_copies(item.name, item.title)

    def line(self, item: LessonInfo) -> Content:
        """Return rows, name and subject."""
        return lesson_line(item, self.line_width, ticks(self._tour.progress.lessons().get(item.name), self.icons))

    def about(self, item: LessonInfo) -> Content:
        """Return the texts of the lesson and the runs that it starts."""
        known = self._tour.progress.lessons().get(item.name)
        return lesson_about(item, seen=known is not None and bool(known.seen))

    def brief(self, item: LessonInfo) -> Content:
        """Return rows, name and title."""
        return lesson_brief(item, self.size.width - 2)

    def opener(self, item: LessonInfo) -> tuple[str, Callable[[], Session]]:
        """Return the name of the lesson and the function that starts its preset."""
        return item.name, lambda: self._programme.lessons.start_lesson(item.name)

    def open(self, item: LessonInfo | None) -> None:
        """Run a lesson, and continue the tour from it."""
        if item is not None and not self.opening:
            self._tour.lesson, self._tour.turn = item, 0
            self.highlight(item)
        super().open(item)

    def list_items(self) -> None:
        """List the lessons, and open the one that the lecture was started with."""
        super().list_items()
        if self.items and not self._opened_first:
            self._opened_first = True
            selected = with_rows(self.items, self._programme.rows)
            alone = bool(selected) and (self._programme.play or self._programme.route)
            self._tour.order = tuple(selected if alone else self.items)
            if selected or self._programme.play:
                self.open(selected[0] if selected else self.items[0])

    def show_error(self, text: str) -> None:
        """Show an error and stop autoplay."""
        self._tour.playing = False
        super().show_error(text)

    def session_left(self) -> None:
        """Open the lesson to which the user, or autoplay, has left."""
        turn, self._tour.turn = self._tour.turn, 0
        self._lines.make_again()  # with the ticks of the lesson that was left
        self.query_one(LongList).make_again()
        self.describe_again()
        if not turn:
            self._tour.playing = False
            return
        lesson = self._tour.neighbour(turn)
        if lesson is None:
            self._tour.playing = False
            self.notify("this was the last lesson")
        self.open(lesson)

    # Textual calls this handler of the base class as well.

    def on_key(self, event: Key) -> None:
        """Stop autoplay on user input."""
        self._tour.playing = False


def lesson_groups(lessons: Sequence[LessonInfo]) -> list[Group[LessonInfo]]:
    """Return the lessons by group, in the order of the lecture."""
    names = dict.fromkeys(lesson.group for lesson in lessons)
    return [((name or "more").capitalize(), [lesson for lesson in lessons if lesson.group == name]) for name in names]


def lesson_texts(item: LessonInfo) -> tuple[str, ...]:
    """Return the texts that a lesson is found by: rows and names first."""
    lesson = item.lesson
    return (
        " ".join(lesson.rows),
        item.name,
        item.title,
        lesson.question,
        lesson.shows,
        lesson.says,
        lesson.truth,
        item.group,
    )


def ticks(known: LessonProgress | None, icons: Icons) -> str:
    """Return a tick each for a lesson that was seen, predicted, and predicted right; spaces without."""
    done = (known.seen != "", known.predicted > 0, known.right > 0) if known is not None else (False,) * 3
    return "".join(("x" if icons.ascii else "✓") if each else " " for each in done)


def lesson_line(item: LessonInfo, width: int, done: str = "") -> Content:
    """Return ticks, rows, name and question; in a narrow line the title, with the first row where there is room.

    Of a lesson without a question the title is shown: never its result.
    """
    if width >= WIDE:
        rows = short_rows(item.lesson.rows)
        return Content.assemble(
            (f" {done} " if done else " ", "$success"),
            (f"{rows:<{ROWS_WIDTH}}", "$primary"),
            f"{padded(visible(item.name), 18)} ",
            (visible(item.lesson.question or item.title), "$muted"),
        )
    title = visible(item.title or item.name)
    row = f" {item.lesson.rows[0]} "
    return Content.assemble((row if cell_width(row + title) <= width else " ", "$primary"), title)


def lesson_brief(item: LessonInfo, width: int) -> Content:
    """Return rows, name and subject in two lines; the title in place of the subject where the list has cut it."""
    rows, title = short_rows(item.lesson.rows), visible(item.title)
    if cell_width(title) + 1 > width:
        return Content.assemble((f"{rows} ", "$primary"), title)
    first = cut(f"{rows} · {visible(item.name)}", width, "…")
    return Content.assemble((first, "$primary"), f"\n{cut(visible(item.lesson.question or item.title), width, '…')}")


def lesson_about(item: LessonInfo, *, seen: bool = False) -> Content:
    """Return the questions of a lesson and the runs that it starts; its results once it was seen."""
    lines = [
        Content.styled(visible(item.title or item.name), "bold"),
        Content.styled(f"{' '.join(item.lesson.rows)} · {visible(item.name)}", "$primary"),
        Content(""),
        *intro(item.lesson, claim=not seen),
    ]
    if seen:
        lines += [Content(""), Content.styled("What the runs show", "bold $secondary"), *facts(item.lesson)]
    if item.variants:
        names = ", ".join(visible(name) for name in item.variants)
        lines += [Content(""), Content.styled(f"{len(item.variants)} runs side by side: {names}", "$muted")]
    return Content("\n").join([*lines, Content(""), Content.styled("press enter to run", "$muted")])


def with_rows(lessons: Sequence[LessonInfo], rows: Sequence[str]) -> list[LessonInfo]:
    """Return the lessons that show some rows, in the order of the rows, each once."""
    matches = [next((lesson for lesson in lessons if row in lesson.lesson.rows), None) for row in rows]
    return list(dict.fromkeys(lesson for lesson in matches if lesson is not None))


def short_rows(rows: Sequence[str]) -> str:
    """Return row numbers in a few cells: S18-20 for three in a row, S31 S33 for two apart."""
    if not all(NUMBERED.fullmatch(row) for row in rows):
        text = " ".join(rows)
        return text if len(text) < ROWS_WIDTH else f"{cut(rows[0], ROWS_WIDTH - 3, '')} …"
    numbers = [int(row[1:]) for row in rows]
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    parts = [f"S{span[0]:02d}" if len(span) == 1 else f"S{span[0]:02d}-{span[-1]:02d}" for span in spans]
    text = " ".join(parts)
    return text if len(text) < ROWS_WIDTH else f"{parts[0]} …"
