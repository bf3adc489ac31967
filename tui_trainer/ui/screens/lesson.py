"""The page with the full text of a lesson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from tui_trainer.lecture.predictions import Outcome
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.lecture.lesson_text import answers, facts, flat, moment_text
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.panels.status import title_of
from tui_trainer.ui.screens.text_page import TextPage


class LessonPage(TextPage):
    """Subject, claim of the lecture, what is true, formula, and the remarks that have appeared."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("W", "leave", show=False)]

    def __init__(self, state: RunState, narrator: Narrator, outcomes: Sequence[Outcome] = ()) -> None:
        super().__init__(title_of(state), page(narrator, outcomes))


def page(narrator: Narrator, outcomes: Sequence[Outcome] = ()) -> Content:
    """Return the page of a lesson that is running; the results of its questions first."""
    lesson = narrator.lesson
    if lesson is None:
        return Content("")
    lines = [Content.styled(" ".join(lesson.rows), "bold $primary"), Content(""), *answers(outcomes), *facts(lesson)]
    for index in narrator.shown:
        remark = lesson.remarks[index]
        lines += [Content(""), Content.styled(moment_text(remark), "bold $secondary"), Content(flat(remark.text))]
    return Content("\n").join(lines)
