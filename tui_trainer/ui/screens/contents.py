"""The table of contents of the lecture: its rows in order, each with what it shows; enter runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content
from textual.events import Key

from tui_trainer.config.lesson import GROUPS
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo
from tui_trainer.text import visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.lecture.tour import LecturePlan, Tour
from tui_trainer.ui.screens.finder import Finder, Group
from tui_trainer.ui.screens.lesson import facts

STACKED = 110
"""Columns below which list and details stand one above the other."""
ROWS = 12
"""Cells of the numbers of the rows."""


class Contents(Finder[LessonInfo]):
    """Every lesson under its group. A lesson that is left leads back here, or on to its neighbour."""

    DEFAULT_CSS = """
    Contents.-stacked #body { layout: vertical; }
    Contents.-stacked #details { display: block; width: 1fr; height: 9; margin-top: 1; }
    Contents.-stacked.-low #details { display: none; }
    """

    HEADING = "tui-trainer · the lecture"
    WHAT = "type a row, a name or a word to find it"
    KEYS = "enter run · ↑↓ choose · type to find · f5 read again · q leave"
    AGAIN = 3600.0

    def __init__(self, programme: LecturePlan, signs: Icons) -> None:
        super().__init__(signs)
        self._programme = programme
        self.way = Tour(playing=programme.play)
        self._begun = False

    @property
    def tour(self) -> Tour:
        """Where one is in the lecture."""
        return self.way

    def read(self) -> list[Group[LessonInfo]]:
        """The lessons as they are now."""
        lessons = self._programme.lessons.lessons()
        order = {group: place for place, group in enumerate(GROUPS)}
        names = sorted(dict.fromkeys(lesson.group for lesson in lessons), key=lambda name: order.get(name, len(order)))
        return [
            ((name or "more").capitalize(), [lesson for lesson in lessons if lesson.group == name]) for name in names
        ]

    def key(self, item: LessonInfo) -> str:
        """The preset's name."""
        return item.name

    def texts(self, item: LessonInfo) -> tuple[str, ...]:
        """Rows and names first, then every word of it."""
        lesson = item.lesson
        return " ".join(lesson.rows), item.name, item.title, lesson.shows, lesson.says, lesson.truth, item.group

    def line(self, item: LessonInfo) -> Content:
        """Which rows, and the one sentence."""
        rows = rows_in_short(item.lesson.rows)
        return Content.assemble(
            (f" {rows:<{ROWS}}", "$primary"), f"{visible(item.name):<18} ", (visible(item.lesson.shows), "$muted")
        )

    def about(self, item: LessonInfo) -> Content:
        """Everything that is known before it runs."""
        lines = [
            Content.styled(visible(item.title or item.name), "bold"),
            Content.styled(f"{' '.join(item.lesson.rows)} · {visible(item.name)}", "$primary"),
            Content(""),
            *facts(item.lesson),
        ]
        if item.variants:
            names = ", ".join(visible(name) for name in item.variants)
            lines += [Content(""), Content.styled(f"{len(item.variants)} runs side by side: {names}", "$muted")]
        return Content("\n").join([*lines, Content(""), Content.styled("enter runs it", "$muted")])

    def errand(self, item: LessonInfo) -> tuple[str, Callable[[], Session]]:
        """A lesson is a preset that is started."""
        return item.name, lambda: self._programme.lessons.start(item.name)

    def open(self, item: LessonInfo | None) -> None:
        """Run a lesson; from it one goes to its neighbours."""
        if item is not None and not self.opening:
            self.way.lesson, self.way.turn = item, 0
            self.highlight(item)
        super().open(item)

    def list_items(self) -> None:
        """With what the lecture is opened with, begin at once."""
        super().list_items()
        if self.found and not self._begun:
            self._begun = True
            chosen = with_rows(self.found, self._programme.rows)
            self.way.order = tuple(chosen if chosen and self._programme.play else self.found)
            if chosen or self._programme.play:
                self.open(chosen[0] if chosen else self.found[0])

    def complain(self, text: str) -> None:
        """What cannot be started is said; what plays by itself waits here."""
        self.way.playing = False
        super().complain(text)

    def came_back(self) -> None:
        """A lesson was left: go on to the one that was asked for."""
        turn, self.way.turn = self.way.turn, 0
        if not turn:
            self.way.playing = False
            return
        found = self.way.neighbour(turn)
        if found is None:
            self.way.playing = False
            self.notify("that was the last lesson")
        self.open(found)

    # Of these two Textual calls the one of the class above too.

    def on_resize(self) -> None:
        """The sentences need the width: on a narrow terminal the details stand below the list."""
        self.set_class(self.size.width < STACKED, "-stacked")

    def on_key(self, event: Key) -> None:
        """Whoever moves through the list has taken over."""
        self.way.playing = False


def with_rows(lessons: Sequence[LessonInfo], rows: Sequence[str]) -> list[LessonInfo]:
    """The lessons that show some rows, in the order in which the rows were asked for, each once."""
    found = [next((lesson for lesson in lessons if row in lesson.lesson.rows), None) for row in rows]
    return list(dict.fromkeys(lesson for lesson in found if lesson is not None))


def rows_in_short(rows: Sequence[str]) -> str:
    """Numbers of rows in a few cells: S18-S20 for three that follow each other, S31 S33 for two that do not."""
    numbers = [int(row[1:]) for row in rows]
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1].append(number)
        else:
            spans.append([number])
    parts = [f"S{span[0]:02d}" if len(span) == 1 else f"S{span[0]:02d}-{span[-1]:02d}" for span in spans]
    text = " ".join(parts)
    return text if len(text) < ROWS else f"{parts[0]} …"
