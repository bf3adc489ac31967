"""The pictures that a run took of itself, drawn: one module for each kind of drawing, and the table of a set's results.

A new kind is a class in `protocol.pictures`, a file beside this one and a case below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from tui_trainer.protocol.events import PictureTaken
from tui_trainer.protocol.pictures import Bars, Contour, Heat, Lines, Points, drawing_of
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.model import Area, ChartData, blank
from tui_trainer.ui.charts.pictures import bars, contour, heat, lines, over_time, points, results
from tui_trainer.ui.charts.pictures.frame import Frame
from tui_trainer.ui.charts.view import View

KEYS = (7, 8, 9)
"""The numbers that open the first pictures."""


class PicturePane(NamedTuple):
    """A picture of the run in front, and the number that opens it; 0 where none does."""

    name: str
    key: int = 0


def shots_of(states: Sequence[RunState], front: int) -> tuple[PicturePane, ...]:
    """The pictures that there are or will be, in the order in which the preset names them."""
    if not states:
        return ()
    state = states[min(max(front, 0), len(states) - 1)]
    asked = state.started.config.get("pictures", []) if state.started is not None and not state.over else []
    coming = [str(table["kind"]) for table in asked if isinstance(table, dict) and "kind" in table]
    names = [*([results.NAME] if results.grid_of(states) else []), *coming, *state.pictures]
    keys = [*KEYS, *(0 for _ in names)]
    return tuple(PicturePane(name, key) for name, key in zip(dict.fromkeys(names), keys, strict=False))


def draw(shot: PicturePane, states: Sequence[RunState], front: int, view: View, width: int, height: int) -> ChartData:
    """A picture for a room of `width` by `height` cells."""
    front = min(max(front, 0), len(states) - 1)
    taken = _newest(shot.name, states, front) if states else None
    if taken is None:
        return blank(shot.key, visible(shot.name), "not taken yet" if states else "no run")
    drawing = drawing_of(taken)
    others = {place: _newest(shot.name, states, place) for place in range(len(states)) if place != front}
    behind = {place: held for place, other in others.items() if other is not None and (held := drawing_of(other))}
    if shot.name == results.NAME:
        behind = {}
    frame = Frame(shot.key, taken, behind, front, states, view, Area.of(width, height))
    match drawing:
        case Lines():
            return lines.draw(frame, drawing)
        case Bars():
            return over_time.draw(frame, drawing) if view.bars else bars.draw(frame, drawing)
        case Heat():
            return heat.draw(replace(frame, area=Area.of(width, height, heat.label(drawing, width))), drawing)
        case Contour():
            return contour.draw(frame, drawing)
        case Points():
            return points.draw(frame, drawing)
        case None:
            return blank(shot.key, visible(shot.name), "a picture of another version")


def _newest(name: str, states: Sequence[RunState], place: int) -> PictureTaken | None:
    if name == results.NAME:
        return results.picture_of(states)
    return states[place].pictures.get(name)
