"""A cell-by-cell copy of the terminal, so that only changes are sent."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import get_character_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

Cell = tuple[str, str]
"""The character of a cell and its SGR codes; an empty character continues a wide one."""

BRIDGE = 4
"""Most unchanged cells between two changed spans that are cheaper to send again than to skip."""


class Frames:
    """A copy of the screen as it was last sent.

    `update` takes an update of Textual's compositor and returns the escape sequences that turn the old screen into the
    new one; empty if they are equal. Frames may be skipped: the next one is compared with what the terminal shows.
    """

    def __init__(self, colors: ColorSystem | None = ColorSystem.TRUECOLOR) -> None:
        self._colors = colors
        self._rows: list[list[Cell | None]] = []
        self._size = (0, 0)
        self._sgr = ""
        """The SGR codes in force while an update is composed; empty between updates."""

    def forget(self) -> None:
        """Forget the content of the terminal, so that the next update is sent in full."""
        self._size = (0, 0)

    def update(self, update: CompositorUpdate, width: int, height: int) -> str:
        """Return the sequences that bring a terminal of this size up to date."""
        if self._size != (width, height):
            self._size = (width, height)
            self._rows = [[None] * width for _ in range(height)]
        sent: list[str] = []
        if isinstance(update, LayoutUpdate):
            for y, strips in enumerate(update.strips, update.region.y):
                self._draw(y, update.region.x, (segment for strip in strips for segment in strip), sent)
        elif isinstance(update, ChopsUpdate):
            for y, left, right in update.spans:
                for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                    if strip is not None and x <= right and end > left:
                        self._draw(y, x, strip.crop(0, min(end, right) - x), sent)
        if self._sgr:
            sent.append("\x1b[0m")
            self._sgr = ""
        return "".join(sent)

    def _draw(self, y: int, x: int, segments: Iterable[Segment], sent: list[str]) -> None:
        """Write the segments to row `y` from column `x` on, and append the changes to `sent`."""
        if not 0 <= y < len(self._rows):
            return
        row = self._rows[y]
        cells = self._cells(segments)[: max(len(row) - x, 0)]
        if row[x : x + len(cells)] == cells:
            return
        # Unknown cells, as before the first frame, are sent without a comparison.
        unknown = row[x] is None and row[x : x + len(cells)] == [None] * len(cells)
        for start, end in [(0, len(cells))] if unknown else _changed(row, x, cells):
            sent.append(f"\x1b[{y + 1};{x + start + 1}H")
            for text, codes in cells[start:end]:
                if codes != self._sgr:
                    self._sgr = codes
                    sent.append(f"\x1b[0;{codes}m" if codes else "\x1b[0m")
                sent.append(text)
        row[x : x + len(cells)] = cells

    def _cells(self, segments: Iterable[Segment]) -> list[Cell]:
        cells: list[Cell] = []
        for text, style, control in segments:
            if control:
                continue
            codes = self._codes(style)
            if text.isascii():
                cells.extend([(character, codes) for character in text])
                continue
            for character in text:
                width = get_character_cell_size(character)
                if width == 0 and cells:
                    cells[-1] = (cells[-1][0] + character, cells[-1][1])
                else:
                    cells.append((character, codes))
                    if width == 2:
                        cells.append(("", codes))
        return cells

    def _codes(self, style: Style | None) -> str:
        if style is None or self._colors is None:
            return ""
        return style._make_ansi_codes(self._colors)  # pyright: ignore[reportPrivateUsage]


def _changed(row: list[Cell | None], x: int, cells: list[Cell]) -> list[tuple[int, int]]:
    """Return the spans of `cells` that differ from the row, joined if near, never splitting a wide character."""
    spans: list[tuple[int, int]] = []
    for index, cell in enumerate(cells):
        if row[x + index] == cell:
            continue
        start = index
        while start and cells[start][0] == "":
            start -= 1
        end = index + 1
        while end < len(cells) and cells[end][0] == "":
            end += 1
        if spans and start - spans[-1][1] <= BRIDGE:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans
