"""The notes of a teacher beside a running lesson: the remark now and the next one, questions, mistakes, links, time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from textual.content import Content

from tui_trainer.config.lesson import Lesson
from tui_trainer.lecture.predictions import lookup_in
from tui_trainer.protocol.describe import duration
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.lecture.guide import has_passed, has_reached
from tui_trainer.ui.lecture.lesson_text import facts, flat, moment_text
from tui_trainer.ui.lecture.narrator import relevant_remarks
from tui_trainer.ui.panels.progress import seconds_spent

NO_LESSON = "This run has no lesson: notes are for presets of a lecture or a course."


def notes_page(
    lesson: Lesson | None, states: Sequence[RunState], selected: RunState, width: int, now: float
) -> Content:
    """Return the notes in lines of at most `width` cells.

    The remarks follow the runs, not the screen of the class: the newest one is the last whose moment every run has
    reached, which is where a guided lesson waits.

    Args:
        lesson: the lesson of the selected run.
        states: the runs of the set.
        selected: the selected run.
        width: cells of a line.
        now: the time, in seconds since the epoch.
    """
    if lesson is None:
        return Content("\n").join(Content(NO_LESSON).wrap(width))
    told, coming = told_and_coming(lesson, states, selected)
    lines = [
        Content.assemble(
            (" ".join(lesson.rows), "bold $primary"),
            "  ",
            (_time(lesson, states, minutes_since(selected, now)), "$muted"),
        )
    ]
    if told:
        lines += _remark(lesson, told[-1], f"Now, remark {len(told)} of {len(told) + len(coming)}")
    if coming:
        lines += _remark(lesson, coming[0], "Next")
    lines += [*_questions(lesson, states), Content(""), *facts(lesson)]
    return Content("\n").join([part for line in lines for part in line.wrap(width) or [line]])


def told_and_coming(
    lesson: Lesson, states: Sequence[RunState], selected: RunState
) -> tuple[Sequence[int], Sequence[int]]:
    """Return the indexes of the remarks whose moment every run has reached, and of those still to come."""
    relevant = relevant_remarks(lesson, selected)
    if states and all(state.over for state in states):
        # Every run may have ended before the moment of a remark.
        passed = [any(has_passed(lesson.remarks[index], state) for state in states) for index in relevant]
        relevant = [index for index, seen in zip(relevant, passed, strict=True) if seen or lesson.remarks[index].at]
    for place, index in enumerate(relevant):
        if not states or not all(has_reached(lesson.remarks[index], state) for state in states):
            return relevant[:place], relevant[place:]
    return relevant, []


def minutes_since(state: RunState, now: float) -> int:
    """Return the full minutes since a run began; 0 where that is not known."""
    try:
        began = datetime.fromisoformat(state.started.at if state.started is not None else "").timestamp()
    except ValueError:
        return 0
    return max(int((now - began) // 60), 0)


def _time(lesson: Lesson, states: Sequence[RunState], minutes: int) -> str:
    """Return the minutes that the lesson should take, those since it began, and the time that the runs trained."""
    parts = [f"{lesson.minutes} minutes planned"] if lesson.minutes else []
    if not all(state.over for state in states):
        parts.append(f"{minutes} minute{'' if minutes == 1 else 's'} since it began")
    return " · ".join([*parts, f"trained {duration(seconds_spent(states))}"])


def _remark(lesson: Lesson, index: int, title: str) -> list[Content]:
    remark = lesson.remarks[index]
    moment = moment_text(remark)
    return [
        Content(""),
        Content.assemble((title, "bold $secondary"), (f"  {moment[:1].lower()}{moment[1:]}", "$muted")),
        Content.styled(flat(remark.text), "bold"),
    ]


def _questions(lesson: Lesson, states: Sequence[RunState]) -> list[Content]:
    """Return the questions, and their answers once the runs have ended."""
    lines: list[Content] = []
    over = bool(states) and all(state.over for state in states)
    for question in lesson.questions:
        choices = f" ({' / '.join(question.choices)})" if question.choices else ""
        lines.append(Content(flat(f"{question.text}{choices}")))
        answer = question.measured_text(question.measured(lookup_in(states))) if over else ""
        waiting = "not measured by these runs" if over else "the answer comes when the runs have ended"
        lines.append(
            Content.styled(f"  {flat(answer)}", "$success") if answer else Content.styled(f"  {waiting}", "$muted")
        )
    return [Content(""), Content.styled("Questions", "bold $secondary"), *lines] if lines else []
