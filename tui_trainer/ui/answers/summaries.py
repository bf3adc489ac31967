"""Summaries of all answers as lines of text: precision and recall, confusion matrix, predictions and residuals."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import ClassScore, Counts, Heat, Points
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.charts.model import Area, ChartData
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.charts.pictures import heat, points
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.icons import Icons

SCATTER_HEIGHT = 14
"""Lines of predicted over true numbers."""
FRAME = 3
"""Lines of a drawing besides its plot: title, axis, labels."""


def class_lines(classes: Sequence[ClassScore], width: int, icons: Icons) -> list[Content]:
    """Return a heading and one line for each class: precision, recall and number of samples, with bars."""
    longest = max((cell_width(visible(score.name)) for score in classes), default=5)
    name_width = min(max(longest, 5), max(width - 24, 5))
    bar = min(max((width - name_width - 26) // 2, 0), 12)
    heading = f"{'class':<{name_width}}  {'precision':<{9 + bar}}  {'recall':<{7 + bar}}{'n':>5}"
    lines = [Content.styled(heading[:width], "$muted")]
    for score in classes:
        name = padded(cut(visible(score.name), name_width, icons.ellipsis), name_width)
        cells = [*_share(score.precision, 9, bar, icons), *_share(score.recall, 7, bar, icons)]
        lines.append(Content.assemble(name, *cells, f"{score.count:>5}").truncate(width))
    return lines


def _share(value: float | None, room: int, bar: int, icons: Icons) -> list[tuple[str, str] | str]:
    text = f"{value:.3f}" if value is not None else "-"
    if not bar:
        return [f"  {text:<{room}}"]
    full, rest = icons.bar(value or 0.0, bar)
    return [f"  {text:<6}", (full, "$primary"), (rest, "$border"), " " * (room - 6)]


def residual_lines(counts: Counts, width: int, icons: Icons) -> list[Content]:
    """Return a histogram on its side: one line for each bin, the middle of the bin and its count."""
    most = max(counts.counts) or 1.0
    step = (counts.high - counts.low) / len(counts.counts)
    lines: list[Content] = []
    for index, count in enumerate(counts.counts):
        middle = number(counts.low + (index + 0.5) * step, 3)
        full, _ = icons.bar(count / most, max(width - 16, 1))
        lines.append(
            Content.assemble((f"{middle:>8}  ", "$muted"), (full, "$primary"), f" {count:.0f}" if count else "")
        )
    return lines


def confusion_lines(state: RunState, event: PictureTaken, table: Heat, width: int, palette: Palette) -> list[Content]:
    """Return the confusion matrix, a line for each class."""
    height = len(table.rows) + FRAME + 1
    label = heat.label_width(table, width)
    frame = _frame(state, event, Area.of(width, height, label))
    return _drawn(heat.draw(frame, table), width, height, palette)


def scatter_lines(state: RunState, event: PictureTaken, drawing: Points, width: int, palette: Palette) -> list[Content]:
    """Return predicted over true numbers, with the diagonal of perfect answers."""
    frame = _frame(state, event, Area.of(width, SCATTER_HEIGHT))
    return _drawn(points.draw(frame, drawing), width, SCATTER_HEIGHT, palette)


def _frame(state: RunState, event: PictureTaken, area: Area) -> Frame:
    """Return the frame of a drawing on a page, which says the numbers of the answers itself."""
    return Frame(0, event.model_copy(update={"numbers": {}, "step": state.step}), {}, 0, [state], View(), area)


def _drawn(chart_data: ChartData, width: int, height: int, palette: Palette) -> list[Content]:
    from tui_trainer.ui.render.plot import draw

    return [
        Content.from_rich_text(Text.assemble(*((segment.text, segment.style or "") for segment in strip)))
        for strip in draw(chart_data, width, height, palette)
    ]
