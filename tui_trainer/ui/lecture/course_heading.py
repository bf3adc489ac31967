"""The first line of the contents: the title of the course, and whose course it is, as far as the width allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui_trainer.text import cell_width, visible
from tui_trainer.ui.panels.panel import Panel

if TYPE_CHECKING:
    from tui_trainer.config.teaching.course import Course

PROGRAM = "tui-trainer"


def heading(course: Course | None, title: str, width: int) -> Content:
    """Return the line: the program's name is left out first, then the end of the credit."""
    own = title if course is None or course.bundled else visible(course.table.title)
    credit = visible(course.byline) if course is not None else ""
    if not credit:
        return Content.styled(f"{PROGRAM} · {own}", "bold").truncate(max(width, 0), ellipsis=True)
    name = own if cell_width(f"{PROGRAM} · {own} · {credit}") > width else f"{PROGRAM} · {own}"
    line = Content.assemble((name, "bold"), (f" · {credit}", "$muted"))
    return line.truncate(max(width, 0), ellipsis=True)


class CourseHeading(Panel):
    """The line, drawn for the width that it has.

    Args:
        course: the course; None shows the title alone.
        title: what the course of the program is called here.
    """

    def __init__(self, course: Course | None, title: str) -> None:
        super().__init__(id="top")
        self._course = course
        self._title = title

    def on_mount(self) -> None:
        """Draw the line."""
        self.on_resize()

    def on_resize(self) -> None:
        """Draw the line for the new width."""
        self.show(heading(self._course, self._title, self.app.size.width - 2))
