"""The texts of a lesson as lines: what to know before, its questions, what is true, and where to read on."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from tui_trainer.config.lesson import Lesson, Moment, Remark
from tui_trainer.lecture.predictions import Outcome
from tui_trainer.text import visible


def intro(lesson: Lesson, *, claim: bool = True) -> list[Content]:
    """Return what a reader may see before the runs: no result; without the claim of the lecture where that follows."""
    lines: list[Content] = []
    if lesson.minutes or lesson.before:
        parts = [f"{lesson.minutes} minutes"] if lesson.minutes else []
        parts += [f"know before: {', '.join(lesson.before)}"] if lesson.before else []
        lines.append(Content.styled(visible(" · ".join(parts)), "$muted"))
    if lesson.questions:
        lines += [Content(""), Content.styled("Predict", "bold $secondary")]
        lines += [Content(flat(question.text)) for question in lesson.questions]
    return [*lines, *(_part("The lecture says", lesson.says) if claim else ())]


def facts(lesson: Lesson) -> list[Content]:
    """Return what the runs show, what is true, and the common mistakes, with a blank line between two parts."""
    lines = [Content(flat(lesson.shows)), *_part("The lecture says", lesson.says)]
    lines += [*_part("What is true", lesson.truth, "$warning"), *_part("As computed here", lesson.formula)]
    for index, mistake in enumerate(lesson.mistakes):
        lines += _part("Common mistakes", mistake) if not index else [Content(flat(mistake))]
    for index, link in enumerate(lesson.links):
        text = f"{link.title}: {link.url}"
        lines += _part("Read on", text) if not index else [Content(flat(text))]
    return lines


def answers(outcomes: Sequence[Outcome]) -> list[Content]:
    """Return what became of the predictions."""
    lines: list[Content] = []
    for outcome in outcomes:
        verdict, style = (
            ("right", "$success") if outcome.right else ("not right", "$error") if outcome.known else ("", "")
        )
        lines.append(Content(flat(outcome.question)))
        said = f"{outcome.answer[:1].upper()}{outcome.answer[1:]}"
        lines.append(Content.assemble(visible(said), *((": ", (verdict, style)) if verdict else ()), "."))
    return [Content.styled("Your predictions", "bold $secondary"), *lines, Content("")] if lines else []


def flat(text: str) -> str:
    """Return a text in one line, without control characters."""
    return visible(" ".join(text.split()))


def _part(title: str, text: str, style: str = "") -> list[Content]:
    if not text:
        return []
    return [Content(""), Content.styled(title, "bold $secondary"), Content.styled(flat(text), style)]


_MOMENTS: dict[Moment, str] = {
    "start": "At the start",
    "end": "At the end",
    "turned": "With the turned problem",
}


def moment_text(remark: Remark) -> str:
    """Return the moment of a remark."""
    if remark.at is not None:
        return _MOMENTS[remark.at]
    return f"After epoch {remark.epoch}" if remark.epoch is not None else f"At step {remark.step:,}"
