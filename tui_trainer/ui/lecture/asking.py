"""Ask the questions of a lesson before its runs begin, and compare the answers with what the runs measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from tui_trainer.config.lesson import Lesson
from tui_trainer.config.teaching.question import LessonQuestion
from tui_trainer.lecture.predictions import Outcome, outcomes
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.screens.dialogs.confirm import Confirm, Possible
from tui_trainer.ui.screens.dialogs.prompt import Prompt


class NumberQuestion(Prompt[float]):
    """A question that is answered by a number; escape skips it."""

    HINTS = "enter accept · esc skip"


class ChoiceQuestion(Confirm):
    """A question that is answered by one of several choices; escape skips it."""

    HINTS = "↑↓ choose · enter accept · esc skip"


class Asking:
    """The questions of the lesson on the screen.

    Attributes:
        outcomes: what became of the answers, once every run has ended.
    """

    def __init__(self, context: DashboardContext, tour: Tour | None) -> None:
        self._context = context
        self._tour = tour
        self._said: list[float | None] = []
        self._asked = self._open = self._judged = False
        self.outcomes: list[Outcome] = []

    def waits(self, lesson: Lesson, states: Sequence[RunState]) -> bool:
        """Ask the questions before the first step. Returns whether an answer is still missing."""
        if self._asked or self._tour is None or self._tour.playing or not lesson.questions:
            return False
        if any(state.step or state.over for state in states):
            self._asked = True
            return False
        if not self._open and all(state.started is not None for state in states):
            self._open = True
            self._ask(lesson, 0)
        return True

    def _ask(self, lesson: Lesson, index: int) -> None:
        if index == len(lesson.questions):
            self._asked, self._open = True, False
            return
        question, count = lesson.questions[index], len(lesson.questions)
        title = f"Predict, {index + 1} of {count}" if count > 1 else "Predict"

        def answered(value: float) -> None:
            self._said.append(value)
            self._ask(lesson, index + 1)

        def skipped() -> None:
            self._said.append(None)
            self._ask(lesson, index + 1)

        if question.choices:
            answers = tuple(
                Possible(str(number), str(number + 1), choice) for number, choice in enumerate(question.choices)
            )
            self._context.ask(
                ChoiceQuestion(title, question.text, answers), lambda text: answered(float(text)), skipped
            )
        else:
            parse = partial(_number, question)
            placeholder = _expected(question.unit)
            dialog = NumberQuestion(title, question.text, "", parse, reason=False, placeholder=placeholder)
            self._context.ask(dialog, answered, skipped)

    def judge(self, lesson: Lesson, states: Sequence[RunState]) -> None:
        """Compare the answers with the runs, once, when the lesson is over; add the lesson to the progress."""
        if self._judged or self._tour is None:
            return
        self._judged = True
        self.outcomes = outcomes(lesson, self._said, states)
        right = sum(outcome.right for outcome in self.outcomes)
        if self._tour.lesson is not None:
            self._tour.progress.add(self._tour.lesson.name, seen=True, predicted=len(self.outcomes), right=right)
        if self.outcomes:
            said = "; ".join(f"{outcome.answer}{': right' if outcome.right else ''}" for outcome in self.outcomes)
            self._context.flash(said, seconds=60)

    def reset(self) -> None:
        """Keep the answers, and compare them with new runs of the lesson."""
        self._asked, self._judged, self.outcomes = True, False, []


def _number(question: LessonQuestion, text: str) -> float:
    """Return the number of an answer; its unit may stand behind it."""
    given = text.strip().removesuffix(question.unit).strip().replace(",", "")
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"enter {_expected(question.unit)}, or press esc to skip")
    return value


def _expected(unit: str) -> str:
    """Return what to enter for a unit."""
    if unit == "x":
        return "a factor, such as 3"
    return {"": "a number", "%": "a percentage"}.get(unit, f"a number of {unit}")
