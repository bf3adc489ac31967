"""Render verdicts as a Markdown page and as JSON values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tui_trainer.config.lesson import Lesson
from tui_trainer.config.teaching.course import CourseRow
from tui_trainer.lecture.claims import Bound, Verdict
from tui_trainer.lecture.outline import GROUPS, ROWS

TITLE = "# The lecture, measured"
_PARTS = {"says": "The lecture says", "truth": "What is true", "formula": "As it is computed here"}


def as_values(
    verdict: Verdict, presets: Sequence[str], seeds: Sequence[int], rows: Mapping[str, CourseRow] = ROWS
) -> dict[str, Any]:
    """Return one claim as JSON values, with its row of `rows`; non-finite numbers and open bounds become null."""
    return {
        "row": verdict.row,
        "group": rows[verdict.row].group,
        "title": rows[verdict.row].title,
        "presets": list(presets),
        "claim": verdict.claim,
        "key": verdict.key,
        "kind": verdict.kind,
        "measured": {
            "mean": _finite(verdict.mean),
            "min": _finite(min(verdict.values)),
            "max": _finite(max(verdict.values)),
            "values": [_finite(value) for value in verdict.values],
        },
        "seeds": list(seeds),
        "threshold": {**_sides(verdict.bound), "of": verdict.of, "text": verdict.threshold},
        "holds": verdict.holds,
    }


def _sides(bound: Bound) -> dict[str, float | None]:
    if bound.value is not None:
        return {"min": bound.value, "max": bound.value}
    return {"min": _finite(bound.low), "max": _finite(bound.high)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def as_page(
    verdicts: Sequence[Verdict],
    presets: Mapping[str, Sequence[str]],
    lessons: Mapping[str, Lesson],
    seeds: Sequence[int],
    made_with: str,
    pictures: Mapping[str, str],
) -> str:
    """Render the lecture page: every checked row with its numbers.

    Args:
        verdicts: the verdicts of every row.
        presets: the presets of each row.
        lessons: the lesson of each preset.
        seeds: the seeds of the runs.
        made_with: versions, to explain differences in the numbers.
        pictures: paths of the screen pictures, by row.
    """
    rows = list(dict.fromkeys(verdict.row for verdict in verdicts))
    kept = sum(verdict.holds for verdict in verdicts)
    kinds = Counter(verdict.kind for verdict in verdicts)
    held, of_kinds = counted(kept, len(verdicts), len(rows), kinds)
    command = f"tui-trainer lecture --check --seeds {' '.join(str(seed) for seed in seeds)}"
    lines = [
        TITLE,
        "",
        f"`{command} --markdown docs/lecture.md --measured presets/measured.json --force` wrote "
        f"this page. Each number is computed from runs that were "
        f"made for it: mean [smallest, largest] over the seeds {', '.join(str(seed) for seed in seeds)}. "
        f"{held}",
        "",
        f"Made with {made_with}. Losses are in natural logarithms. A threshold is for every seed, unless it says mean.",
        "",
        of_kinds,
    ]
    told: set[str] = set()
    for group in GROUPS:
        here = [row for row in rows if ROWS[row].group == group]
        if here:
            lines += ["", f"## {group.capitalize()}"]
        for row in here:
            lines += _row(row, [verdict for verdict in verdicts if verdict.row == row], presets[row], lessons, told)
            if row in pictures:
                lines += ["", picture_line(row, pictures[row])]
    return "\n".join(lines) + "\n"


def picture_line(row: str, path: str) -> str:
    """Return the line of the page that shows the screen of a row."""
    return f"![The screen of {row}]({path})"


def counted(kept: int, claims: int, rows: int, kinds: Mapping[str, int]) -> tuple[str, str]:
    """Return the sentences that count the claims which hold, and the kinds of claims."""
    return (
        f"{kept} of {claims} claims of {rows} rows hold.",
        f"Kinds of claims: {kinds['measured']} are measured (a result of training or timing), {kinds['exact']} exact "
        f"(a computation without chance), {kinds['by construction']} hold by construction "
        "(they test the program, not the idea).",
    )


def teaching_lines(lesson: Lesson) -> list[str]:
    """Return what a teacher needs of a lesson: minutes, what to know before, questions, mistakes, links."""
    lines: list[str] = []
    if lesson.minutes:
        known = f"; know before: {', '.join(lesson.before)}" if lesson.before else ""
        lines.append(f"\n{lesson.minutes} minutes{known}.")
    if lesson.questions:
        lines.append(f"\nPredict: {' '.join(question.text for question in lesson.questions)}")
    if lesson.mistakes:
        lines.append(f"\nCommon mistakes: {' '.join(lesson.mistakes)}")
    if lesson.links:
        lines.append(f"\nRead on: {'; '.join(f'[{link.title}]({link.url})' for link in lesson.links)}")
    return lines


def _row(
    row: str, verdicts: Sequence[Verdict], presets: Sequence[str], lessons: Mapping[str, Lesson], told: set[str]
) -> list[str]:
    lines = ["", f"### {row}. {ROWS[row].title}", ""]
    lines += [f"`tui-trainer run {preset}`: {lessons[preset].shows}" for preset in presets if preset in lessons]
    for preset in presets:
        if preset in lessons and preset not in told and lessons[preset].rows[0] == row:
            told.add(preset)
            texts = {name: str(getattr(lessons[preset], name)) for name in _PARTS}
            lines += [f"\n{_PARTS[name]}: {text}" for name, text in texts.items() if text]
            lines += teaching_lines(lessons[preset])
    lines += ["", "| claim | value | threshold | kind | |", "|---|---|---|---|---|"]
    for one in verdicts:
        cells = (
            one.claim.replace("|", "\\|"),
            one.measured,
            one.threshold,
            one.kind,
            "holds" if one.holds else "fails",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return lines
