"""Check the lessons of a course before it opens: their files, and the rows and the runs that they name."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.config.lesson import Lesson
from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import COURSE_FILE
from tui_trainer.config.teaching.course import Course, claims_of
from tui_trainer.config.teaching.measured_expression import references
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.lecture.outline import lesson_tables


def check_lessons(course: Course) -> None:
    """Check every lesson of a course.

    Raises:
        UserError: a row has no lesson, or a lesson is invalid or names a run that it does not have; the message gives
            file, key path, what was given, and what is allowed.
    """
    files, shown = course.lesson_files(), set[str]()
    for name, table in lesson_tables(course).items():
        path = str(files[name])
        preset = load(path)
        lesson = preset.first.lesson
        if lesson is None:
            continue
        shown.update(lesson.rows)
        _check_runs(lesson, list(preset.runs), path)
        claims_of(table, course, path)
        for value in lesson.tries[1:] if lesson.tries else ():
            load(path, [f"{lesson.tries[0]}={value}"])  # type: ignore[index]
    missing = [row for row in course.rows if row not in shown]
    if missing:
        raise UserError(
            f"{course.folder / COURSE_FILE}: parts: no lesson shows {', '.join(map(repr, missing))}; write a preset "
            f'with [lesson] and rows = ["{missing[0]}"], or leave the row out'
        )


def _check_runs(lesson: Lesson, runs: Sequence[str], source: str) -> None:
    named = [
        (f"questions.{number}.{'measures' if question.measures else 'measure'}", reference.run)
        for number, question in enumerate(lesson.questions)
        for expression in (question.measure, *question.measures)
        for reference in (references(expression) if expression else ())
    ]
    named += [(f"remarks.{number}.run", remark.run) for number, remark in enumerate(lesson.remarks) if remark.run]
    known = [run for run in runs if run]
    for key, run in named:
        if run not in runs:
            near = did_you_mean(run, known) if known else "the lesson has a single run, without a name; leave it out"
            raise UserError(f"{source}: lesson.{key}: no run {run!r}; {near}")
