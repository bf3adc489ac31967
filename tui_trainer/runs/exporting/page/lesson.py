"""The texts of a lesson on a page: what it shows, what the lecture says, what is true, the remarks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui_trainer.runs.exporting.page.html import element
from tui_trainer.runs.exporting.svg_chart import text

_MOMENTS = {"start": "at the start", "end": "at the end", "turned": "when it is turned"}


def lesson_section(lesson: Mapping[str, Any]) -> str:
    """Return the lesson of a run as HTML."""
    rows = " ".join(map(str, lesson.get("rows", ())))
    parts = [element("h2", text(f"The lesson {rows}".rstrip()))]
    if lesson.get("shows"):
        parts.append(element("p", text(lesson["shows"])))
    if lesson.get("says"):
        parts.append(element("p", text(f"The lecture says: {lesson['says']}")))
    if lesson.get("truth"):
        parts.append(element("p", text(f"In truth: {lesson['truth']}"), kind="truth"))
    if lesson.get("formula"):
        parts.append(element("p", element("code", text(lesson["formula"]))))
    remarks = lesson.get("remarks")
    if isinstance(remarks, list) and remarks:
        cards = [
            element("li", element("p", text(_moment(remark)), kind="dim"), element("p", text(remark.get("text", ""))))
            for remark in remarks
            if isinstance(remark, dict)
        ]
        parts.append(element("ol", *cards, kind="cards"))
    return "".join(parts)


def _moment(remark: Mapping[str, Any]) -> str:
    for unit in ("epoch", "step"):
        if unit in remark:
            return f"{unit} {remark[unit]}"
    return _MOMENTS.get(str(remark.get("at")), "")
