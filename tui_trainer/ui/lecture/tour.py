"""Going through the lecture: which lesson is open, where one goes from it, and whether it plays by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.session.catalog import LessonInfo, Lessons


@dataclass(frozen=True, slots=True)
class LecturePlan:
    """What the lecture is opened with.

    Attributes:
        lessons: where the rows come from.
        rows: those to begin with, S01 to S49; none for the table of contents. What plays by itself plays only these.
        play: whether it plays by itself.
    """

    lessons: Lessons
    rows: Sequence[str] = ()
    play: bool = False


@dataclass(slots=True)
class Tour:
    """Shared by the table of contents and the lesson that was opened from it.

    Attributes:
        playing: whether it goes on by itself.
        turn: where the person, or the tour itself, wants to go from the open lesson: 1 the next one, -1 the one before,
            0 the table of contents.
        lesson: what is open.
        order: the lessons in the order in which they are gone through.
    """

    playing: bool = False
    turn: int = 0
    lesson: LessonInfo | None = None
    order: tuple[LessonInfo, ...] = ()

    def neighbour(self, by: int) -> LessonInfo | None:
        """The lesson so many places on; None past the ends."""
        names = [lesson.name for lesson in self.order]
        if self.lesson is None or self.lesson.name not in names:
            return None
        place = names.index(self.lesson.name) + by
        return self.order[place] if 0 <= place < len(self.order) else None
