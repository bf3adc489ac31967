"""Print the progress of the user through the lecture."""

from __future__ import annotations

from tui_trainer.cli.options import print_json, print_table


def print_progress(as_json: bool) -> int:
    """Print a line for each lesson, or all of it as JSON; return the exit code."""
    import click

    from tui_trainer.lecture.progress import LessonProgress, ProgressFile, progress_path
    from tui_trainer.session.connect import list_lessons

    known = ProgressFile(progress_path()).lessons()
    rows = [(info, known.get(info.name, LessonProgress())) for info in list_lessons()]
    if as_json:
        print_json(
            [
                {
                    "lesson": info.name,
                    "rows": list(info.lesson.rows),
                    "title": info.title,
                    "seen": done.seen or None,
                    "questions": len(info.lesson.questions),
                    "predicted": done.predicted,
                    "right": done.right,
                }
                for info, done in rows
            ]
        )
        return 0
    print_table(
        [
            (
                " ".join(info.lesson.rows),
                info.name,
                done.seen[:10] or "-",
                f"{done.predicted} of {len(info.lesson.questions)}" if info.lesson.questions else "-",
                str(done.right) if info.lesson.questions else "-",
            )
            for info, done in rows
        ],
        ("rows", "lesson", "seen", "predicted", "right"),
    )
    seen, right = sum(bool(done.seen) for _, done in rows), sum(done.right for _, done in rows)
    asked = sum(len(info.lesson.questions) for info, _ in rows)
    click.echo(f"{seen} of {len(rows)} lessons seen, {right} of {asked} predictions right", err=True)
    return 0
