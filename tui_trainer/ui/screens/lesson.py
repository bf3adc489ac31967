"""The page with the full text of a lesson."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui_trainer.config.lesson import Lesson, Moment, Remark
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.panels.status import title_of
from tui_trainer.ui.screens.text_page import TextPage


class LessonPage(TextPage):
    """Subject, claim of the lecture, what is true, formula, and the remarks that have appeared."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("W", "leave", show=False)]

    def __init__(self, state: RunState, narrator: Narrator) -> None:
        super().__init__(title_of(state), page(narrator))


def facts(lesson: Lesson) -> list[Content]:
    """Return the texts of a lesson that do not depend on a run, with a blank line between two parts."""
    lines = [Content(_flat(lesson.shows))]
    parts = (("The lecture says", lesson.says, ""), ("What is true", lesson.truth, "$warning"))
    for title, text, style in (*parts, ("As computed here", lesson.formula, "")):
        if text:
            lines += [Content(""), Content.styled(title, "bold $secondary"), Content.styled(_flat(text), style)]
    return lines


def page(narrator: Narrator) -> Content:
    """Return the page of a lesson that is running."""
    lesson = narrator.lesson
    if lesson is None:
        return Content("")
    lines = [Content.styled(" ".join(lesson.rows), "bold $primary"), Content(""), *facts(lesson)]
    for index in narrator.shown:
        remark = lesson.remarks[index]
        lines += [Content(""), Content.styled(_moment(remark), "bold $secondary"), Content(_flat(remark.text))]
    return Content("\n").join(lines)


_MOMENTS: dict[Moment, str] = {
    "start": "At the start",
    "end": "At the end",
    "turned": "With the turned problem",
}


def _moment(remark: Remark) -> str:
    if remark.at is not None:
        return _MOMENTS[remark.at]
    return f"After epoch {remark.epoch}" if remark.epoch is not None else f"At step {remark.step:,}"


def _flat(text: str) -> str:
    return visible(" ".join(text.split()))
