"""The registry of picture panes: the recorded pictures of a run and the results table of a set.

To add a kind of drawing, add a class to `protocol.pictures`, a module here and a case in `draw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import ANSWERS, Bars, Contour, Heat, Histogram, Lines, Points, drawing_of
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import Area, ChartData, blank
from tui_trainer.ui.charts.pictures import bars, contour, heat, histogram, lines, over_time, points, results
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.view import View

KEYS = (7, 8, 9)
"""The number keys that open the first pictures."""


class PicturePane(NamedTuple):
    """A picture of the run in front, and the number key that opens it; 0 without one."""

    name: str
    key: int = 0


def picture_panes(states: Sequence[RunState], front: int) -> tuple[PicturePane, ...]:
    """Return the pictures that exist or are configured, in the order of the preset."""
    if not states:
        return ()
    state = states[min(max(front, 0), len(states) - 1)]
    configured = state.started.config.get("pictures", []) if state.started is not None and not state.over else []
    planned = [str(table["kind"]) for table in configured if isinstance(table, dict) and "kind" in table]
    names = [*([results.NAME] if results.grid_of(states) else []), *planned, *state.pictures]
    names = [name for name in names if name != ANSWERS]
    keys = [*KEYS, *(0 for _ in names)]
    return tuple(PicturePane(name, key) for name, key in zip(dict.fromkeys(names), keys, strict=False))


def draw(pane: PicturePane, states: Sequence[RunState], front: int, view: View, width: int, height: int) -> ChartData:
    """Return the chart data of a picture for `width` by `height` cells."""
    front = min(max(front, 0), len(states) - 1)
    taken = _newest(pane.name, states, front) if states else None
    if taken is None:
        return blank(pane.key, visible(pane.name), "not recorded yet" if states else "no run")
    drawing = drawing_of(taken)
    behind = [] if pane.name == results.NAME else [index for index in range(len(states)) if index != front]
    others = {index: _newest(pane.name, states, index) for index in behind}
    drawings = {index: drawing_of(other) for index, other in others.items() if other is not None}
    background = {index: other for index, other in drawings.items() if other is not None}
    frame = Frame(pane.key, taken, background, front, states, view, Area.of(width, height))
    match drawing:
        case Lines():
            return lines.draw(frame, drawing)
        case Bars():
            return over_time.draw(frame, drawing) if view.bars else bars.draw(frame, drawing)
        case Heat():
            return heat.draw(replace(frame, area=Area.of(width, height, heat.label_width(drawing, width))), drawing)
        case Contour():
            return contour.draw(frame, drawing)
        case Histogram():
            return histogram.draw(frame, drawing)
        case Points():
            return points.draw(frame, drawing)
        case _:
            return blank(pane.key, visible(pane.name), "unknown kind of picture: recorded by another version")


def _newest(name: str, states: Sequence[RunState], index: int) -> PictureTaken | None:
    if name == results.NAME:
        return results.picture_of(states)
    return states[index].pictures.get(name)
