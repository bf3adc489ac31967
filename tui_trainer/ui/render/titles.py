"""The title line of a chart: key, name and notes at the left, the legend with values at the right."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from tui_trainer.ui.charts.model import LOG_NOTE, ChartData, LegendEntry
from tui_trainer.ui.charts.palette import Palette, Role
from tui_trainer.ui.render.raster import Glyphs

KEPT_ENTRIES = 2
"""Legend entries that stay longer than the notes."""

DEVIATION = " ± "
"""Between a mean and its deviation in the text of an entry."""


def title_line(chart_data: ChartData, width: int, palette: Palette, glyphs: Glyphs) -> Strip:
    """Lay out the title in `width` cells.

    A long title loses the last legend entries first, then its notes except the scale, then deviations, then the value
    of the second entry, and the entry itself at last: training and validation stay named as long as there is room.
    """
    head = f"{chart_data.number} {chart_data.name}" if chart_data.number else chart_data.name
    notes, legend = list(chart_data.notes), list(chart_data.legend)
    while notes or legend:
        if _length_of_line(head, notes, legend, glyphs) <= width:
            break
        spread = next((k for k in reversed(range(len(legend))) if DEVIATION in legend[k].text), None)
        if len(legend) > KEPT_ENTRIES:
            legend.pop()
        elif notes and notes[-1] != LOG_NOTE:
            notes.pop()
        elif spread is not None:
            legend[spread] = legend[spread]._replace(text=legend[spread].text.partition(DEVIATION)[0])
        elif not (notes or len(legend) > 1):
            legend.pop()
        elif len(legend) > 1 and " " in legend[-1].text:
            legend[-1] = legend[-1]._replace(text=legend[-1].text.partition(" ")[0])
        else:
            (notes or legend).pop()
    segments = [Segment(set_cell_size(head, min(cell_len(head), width)), palette.style("title"))]
    for note in notes:
        segments += [Segment(" · ", palette.style("frame")), *_entry(note, palette, glyphs)]
    ends: list[Segment] = []
    for entry in legend:
        ends += [Segment("  " if ends else " ", palette.style("frame")), *_entry(entry, palette, glyphs)]
    used = sum(cell_len(segment.text) for segment in (*segments, *ends))
    rest = width - used
    if rest > 0:
        segments.append(Segment(f" {glyphs.rule * (rest - 1)}", palette.style("frame")))
    line = [*segments, *ends]
    if glyphs.frame is not None:
        line = [Segment(segment.text.translate(glyphs.frame), segment.style) for segment in line]
    return Strip(line, width).adjust_cell_length(width)


def _length_of_line(head: str, notes: Sequence[LegendEntry], legend: Sequence[LegendEntry], glyphs: Glyphs) -> int:
    """Return the cells of a title line, with a short rule between its two sides."""
    left = cell_len(head) + sum(3 + _length(note, glyphs) for note in notes)
    return left + 2 + sum(1 + _length(entry, glyphs) for entry in legend) + max(len(legend), 1)


def _length(entry: LegendEntry, glyphs: Glyphs) -> int:
    return cell_len(_sign(entry, glyphs)) + cell_len(entry.text)


def _entry(entry: LegendEntry, palette: Palette, glyphs: Glyphs) -> list[Segment]:
    sign = _sign(entry, glyphs)
    text_role: Role = entry.role if entry.role == "gap" else "text"
    return [Segment(sign, palette.style(entry.role)), Segment(entry.text, palette.style(text_role))]


def _sign(entry: LegendEntry, glyphs: Glyphs) -> str:
    if glyphs.letters is not None and entry.sign in ("line", "dots"):
        return glyphs.letters.get(entry.role, glyphs.signs[entry.sign]) + " "
    return f"{glyphs.signs[entry.sign]} " if entry.sign else ""
