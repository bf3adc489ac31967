"""Numbers that a lesson quotes: placeholders in its texts, filled from the measured values of the lecture's claims.

`{S29:power}` is the mean over the seeds of the claim `power` of row S29 with three digits, `{S29:power:.1f}` the same
with one decimal, `{S29:power.least}` and `{S29:power.most}` the smallest and the largest of the seeds. The part after
the second colon is a format specification of Python. `lecture --check --measured FILE` writes the values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.paths import presets_dir

Values = Mapping[str, Mapping[str, Mapping[str, float | None]]]
"""By row and key of the claim: `mean`, `least` and `most` over the seeds; None where a number was not finite."""

PLACEHOLDER = re.compile(r"\{([A-Z]\w*):([^{}:]*)(?::([^{}]*))?\}")
PARTS = ("mean", "least", "most")
FILE = "measured.json"

_TEXTS = ("title", "summary")
_LESSON_TEXTS = ("shows", "says", "truth", "formula")


def filled(table: dict[str, Any], source: str) -> dict[str, Any]:
    """Return the table of a preset with every placeholder in its texts replaced by the measured number.

    Raises:
        UserError: there is no such row or claim, or the format is invalid; file, key path and the nearest match are
            named.
    """
    changed = dict(table)
    for name in _TEXTS:
        if name in table:
            changed[name] = _replaced(table[name], source, name)
    lesson = table.get("lesson")
    if not isinstance(lesson, dict):
        return changed
    lesson = dict(lesson)
    for name in _LESSON_TEXTS:
        if name in lesson:
            lesson[name] = _replaced(lesson[name], source, f"lesson.{name}")
    questions = lesson.get("questions")
    if isinstance(questions, list):
        lesson["questions"] = [
            {**question, "text": _replaced(question["text"], source, f"lesson.questions.{number}.text")}
            if isinstance(question, dict) and "text" in question
            else question
            for number, question in enumerate(questions)
        ]
    remarks = lesson.get("remarks")
    if isinstance(remarks, list):
        lesson["remarks"] = [
            {**remark, "text": _replaced(remark["text"], source, f"lesson.remarks.{number}.text")}
            if isinstance(remark, dict) and "text" in remark
            else remark
            for number, remark in enumerate(remarks)
        ]
    return {**changed, "lesson": lesson}


def quoted(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every text of a preset that is narrated, with its key path, as written in the file."""
    for name in _TEXTS:
        yield name, str(table.get(name, ""))
    lesson = table.get("lesson", {})
    for name in _LESSON_TEXTS:
        yield f"lesson.{name}", str(lesson.get(name, ""))
    for number, question in enumerate(lesson.get("questions", ())):
        yield f"lesson.questions.{number}.text", str(question.get("text", ""))
    for number, remark in enumerate(lesson.get("remarks", ())):
        yield f"lesson.remarks.{number}.text", str(remark.get("text", ""))


def measured_values() -> Values:
    """Return the committed values, read once."""
    return read(presets_dir() / FILE)


@lru_cache(maxsize=2)
def read(path: Path) -> Values:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: the measured values of the lecture cannot be read: {error}") from None


def forget() -> None:
    """Read the values again at the next use, after they were written."""
    read.cache_clear()


def _replaced(text: object, source: str, key: str) -> Any:
    if not isinstance(text, str) or "{" not in text:
        return text
    return PLACEHOLDER.sub(lambda found: _number(found, f"{source}: {key}: {found[0]}"), text)


def _number(found: re.Match[str], where: str) -> str:
    row, key, form = found[1], found[2], found[3]
    values = measured_values()
    if row not in values:
        raise UserError(f"{where}: no row {row!r} has measured claims to quote; {did_you_mean(row, values)}")
    claim, _, part = key.partition(".")
    if claim not in values[row]:
        raise UserError(f"{where}: no claim {claim!r} of {row} to quote; {did_you_mean(claim, values[row])}")
    if (part or "mean") not in PARTS:
        raise UserError(f"{where}: no part {part!r}; {did_you_mean(part, PARTS)}")
    value = values[row][claim][part or "mean"]
    if value is None:
        raise UserError(f"{where}: the measured number was not finite")
    try:
        return format(value, form or ".3g")
    except ValueError:
        raise UserError(f"{where}: invalid format {form!r}; write one like .1f, .0% or ,.0f") from None
