"""The narration of a lesson below the charts: the remark, the claim of the lecture, and at the end what is true."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content

from tui_trainer.text import visible
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.panels.panel import Panel

MORE = "…"
"""Ends a text that is cut for lack of room; the first line names the key of the full text."""


class Narration(Panel):
    """A few lines below the charts; on a small screen the remark alone, in one line."""

    DEFAULT_CSS = """
    Narration { padding: 0 1; background: $surface; }
    """

    _drawn: tuple[Narrator, Sequence[str]] | None = None

    def draw(self, narrator: Narrator, hints: Sequence[str]) -> None:
        """Draw the remark on the screen; `hints` name the keys, the most important first."""
        self._drawn = narrator, hints
        width, height = self.size.width - 2, self.size.height
        if width > 0 and height > 0:
            self.show(narration(narrator, width, height, hints))

    def on_resize(self) -> None:
        """Draw again: a run that ended or began may have hidden it while the remark changed."""
        if self._drawn is not None:
            self.draw(*self._drawn)


def narration(narrator: Narrator, width: int, height: int, hints: Sequence[str] = ()) -> Content:
    """Return the narration in at most `height` lines of `width` cells.

    One or two lines have the remark alone, as many whole sentences as fit. From 3 lines on, the first one names the
    rows of the lecture and the keys. The remark comes before the claim of the lecture, which waits until the questions
    of the lesson have been asked. What is true is shown at the end of the runs, and both only in full: the page of the
    lesson has the rest.
    """
    lesson = narrator.lesson
    if lesson is None:
        return Content("")
    if height < 3:
        lines = _whole_sentences(narrator.text, height, width) or _cut(wrapped(narrator.text, width), height, width)
        return Content("\n").join([Content.styled(line, "bold" if height > 1 else "") for line in lines])
    lines = [_head(narrator, width, hints)]
    room = height - 1
    remark = _cut(wrapped(narrator.text, width), room, width)
    lines += [Content.styled(line, "$foreground bold") for line in remark]
    room -= len(remark)
    if narrator.told and 0 < len(truth := _labelled("in truth: ", lesson.truth, width)) <= room:
        lines += [Content.styled(line, "$warning") for line in truth]
        room -= len(truth)
    asked = bool(lesson.questions) and not narrator.shown  # the claim would answer the question
    if not asked and len(claim := _labelled("lecture: ", lesson.says, width)) <= room:
        lines += [Content.styled(line, "$muted") for line in claim]
    return Content("\n").join(lines)


def wrapped(text: str, width: int) -> list[str]:
    """Wrap a text into lines of at most `width` characters; its own line breaks are spaces."""
    return wrap(visible(" ".join(text.split())), max(width, 1))


def _labelled(label: str, text: str, width: int) -> list[str]:
    return wrapped(label + text, width) if text else []


def _whole_sentences(text: str, most: int, width: int) -> list[str]:
    """Return the sentences at the beginning of a text that fit into two lines or more; none if the first is longer."""
    sentences = re.split(r"(?<=[.?!:]) +", " ".join(text.split())) if most > 1 else []
    fitting: list[str] = []
    for count in range(1, len(sentences) + 1):
        more = f" {MORE}" if count < len(sentences) else ""
        lines = wrapped(" ".join(sentences[:count]) + more, width)
        if len(lines) > most:
            break
        fitting = lines
    return fitting


def _cut(lines: list[str], most: int, width: int) -> list[str]:
    """Return the first lines; where some are cut, the last line ends with `MORE`."""
    if len(lines) <= most or most <= 0:
        return lines[: max(most, 0)]
    last = lines[most - 1][: max(width - len(MORE) - 1, 0)].rstrip(" ,;:")
    return [*lines[: most - 1], f"{last} {MORE}"[:width]]


def _head(narrator: Narrator, width: int, hints: Sequence[str]) -> Content:
    assert narrator.lesson is not None
    rows = " ".join(narrator.lesson.rows)
    count = f"remark {narrator.page + 1} of {len(narrator.relevant)}" if narrator.shown else ""
    waiting = f", {len(narrator.waiting)} waiting" if narrator.waiting else ""
    left = Content.assemble((rows, "bold $primary"), "  ", (f"{count}{waiting}", "$muted"))
    if left.cell_length > width:
        left = left.truncate(width, ellipsis=True)
    keys = ""
    for hint in hints:
        longer = f"{keys} · {hint}" if keys else hint
        if left.cell_length + 2 + len(longer) > width:
            break
        keys = longer
    return Content.assemble(left, " " * (width - left.cell_length - len(keys)), (keys, "$secondary"))
