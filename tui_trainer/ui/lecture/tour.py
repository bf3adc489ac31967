"""The way through the lecture: the open lesson, where to go from it, and whether autoplay is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui_trainer.lecture.progress import ProgressFile, progress_path
from tui_trainer.session.catalog import LessonInfo, Lessons

if TYPE_CHECKING:
    from tui_trainer.config.teaching.course import Course


@dataclass(frozen=True, slots=True)
class LecturePlan:
    """The options with which the lecture is opened.

    Attributes:
        lessons: the source of the lessons.
        rows: the rows to begin with, such as S18 or X01; none for the table of contents. Autoplay shows only these.
        play: whether autoplay is on.
        course: the course, for the heading; None for a source of lessons without one.
        route: whether the rows are a route: the way from lesson to lesson visits these alone.
    """

    lessons: Lessons
    rows: Sequence[str] = ()
    play: bool = False
    course: Course | None = None
    route: bool = False


@dataclass(slots=True)
class Tour:
    """The position in the lecture, shared by the table of contents and the lesson that is open.

    Attributes:
        playing: whether autoplay is on.
        turn: where to go when the open lesson is left: 1 to the next one, -1 to the previous one, 0 to the contents.
        lesson: the open lesson.
        order: the lessons in the order of the tour.
        progress: the progress of the reader.
    """

    playing: bool = False
    turn: int = 0
    lesson: LessonInfo | None = None
    order: tuple[LessonInfo, ...] = ()
    progress: ProgressFile = field(default_factory=lambda: ProgressFile(progress_path()))

    def neighbour(self, offset: int) -> LessonInfo | None:
        """Return the lesson `offset` positions after the open one; None past the ends."""
        names = [lesson.name for lesson in self.order]
        if self.lesson is None or self.lesson.name not in names:
            return None
        index = names.index(self.lesson.name) + offset
        return self.order[index] if 0 <= index < len(self.order) else None
