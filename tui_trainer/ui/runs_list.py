"""The runs of a set, one a line, each in the colour of its curves."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style

from tui_trainer.protocol.state import RunState
from tui_trainer.protocol.words import number
from tui_trainer.ui.palette import RUNS, Palette
from tui_trainer.ui.signs import STATE_STYLES, Signs
from tui_trainer.ui.status import name_of


def runs_list(states: Sequence[RunState], front: int, width: int, signs: Signs, palette: Palette) -> list[Content]:
    """A line for each run where there are several: which is in front, its state, its epoch, its loss."""
    if len(states) < 2:
        return []
    rows = [Content.styled("runs (tab: the next)", "$muted")]
    for place, state in enumerate(states):
        chosen = place == front
        last = state.metrics
        value = last.get("val_loss", last.get("train_loss"))
        tail = f" {state.epoch}/{state.epochs} {number(value, 3):>7}"
        room = max(width - len(tail) - 4, 4)
        name = name_of(state).rsplit("/", 1)[-1][:room]
        rows.append(
            Content.assemble(
                ("▸" if chosen else " ", "bold"),
                (signs.state(state.status), STATE_STYLES.get(state.status, "")),
                " ",
                (f"{name:<{room}}", _color(place, palette)),
                (tail, "bold" if chosen else "$muted"),
            )
        )
    return rows


def _color(place: int, palette: Palette) -> Style:
    return Style.from_rich_style(palette.style(RUNS[place % len(RUNS)]))
