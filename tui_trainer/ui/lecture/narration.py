"""What is told beside the charts: the newest remark, what the lecture says of it, and what is true."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from textual.content import Content

from tui_trainer.text import visible
from tui_trainer.ui.lecture.narrator import Narrator
from tui_trainer.ui.panels.panel import Panel

MORE = "… (t)"
"""Stands where a text goes on that has no room: `t` opens all of it."""


class Narration(Panel):
    """A few lines under the charts; on a small screen the remark alone, in one."""

    DEFAULT_CSS = """
    Narration { padding: 0 1; background: $surface; }
    """

    def tell(self, narrator: Narrator, hints: Sequence[str]) -> None:
        """Show the page that is open; `hints` name the keys that lead on, the most important first."""
        width, height = self.size.width - 2, self.size.height
        if width > 0 and height > 0:
            self.show(narration(narrator, width, height, hints))


def narration(narrator: Narrator, width: int, height: int, hints: Sequence[str] = ()) -> Content:
    """The narration in at most `height` lines of `width` cells.

    With room for it the first line says which rows of the lecture these are and which keys lead on. The remark comes
    before what the lecture says, and what is true keeps its first line whatever the lecture says.
    """
    lesson = narrator.lesson
    if lesson is None:
        return Content("")
    if height < 3:
        return Content("\n").join([Content(line) for line in _cut(wrapped(narrator.text, width), height, width)])
    lines = [_head(narrator, width, hints)]
    room = height - 1
    told = _cut(wrapped(narrator.text, width), room, width)
    lines += [Content.styled(line, "$foreground bold") for line in told]
    room -= len(told)
    said, true = _labelled("lecture: ", lesson.says, width), _labelled("in truth: ", lesson.truth, width)
    kept = min(len(true), max(room - len(said), min(room, 1)))
    lines += [Content.styled(line, "$muted") for line in _cut(said, room - kept, width)]
    lines += [Content.styled(line, "$warning") for line in _cut(true, kept, width)]
    return Content("\n").join(lines)


def wrapped(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` characters, whatever lines it was written in."""
    return wrap(visible(" ".join(text.split())), max(width, 1))


def _labelled(label: str, text: str, width: int) -> list[str]:
    return wrapped(label + text, width) if text else []


def _cut(lines: list[str], most: int, width: int) -> list[str]:
    """The first lines; where more are left, the last one says where to read on."""
    if len(lines) <= most or most <= 0:
        return lines[: max(most, 0)]
    last = lines[most - 1][: max(width - len(MORE) - 1, 0)].rstrip(" ,;:")
    return [*lines[: most - 1], f"{last} {MORE}"[:width]]


def _head(narrator: Narrator, width: int, hints: Sequence[str]) -> Content:
    assert narrator.lesson is not None
    told, all_of_them = len(narrator.told), len(narrator.about)
    rows = " ".join(narrator.lesson.rows)
    count = f"remark {narrator.page + 1} of {all_of_them}" if told else ""
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
