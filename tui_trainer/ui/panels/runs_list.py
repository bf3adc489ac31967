"""The runs of a set, one per line, each in the colour of its curves."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.style import Style

from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import RunState
from tui_trainer.text import cut, padded
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.palette import RUNS, Palette
from tui_trainer.ui.icons import STATE_STYLES, Icons
from tui_trainer.ui.panels.status import short_name_of


def runs_list(
    states: Sequence[RunState],
    front: int,
    width: int,
    icons: Icons,
    palette: Palette,
    *,
    most: int = 1000,
    steer_all: bool = False,
) -> list[Content]:
    """Return a line for each run of a set: the sign of the run in front, state, name, epoch and loss.

    Of more than `most` runs, those around the one in front are listed. With `steer_all`, every run that the keys affect
    has the sign of the run in front. A single run has no list.
    """
    if len(states) < 2:
        return []
    most = max(most, 1)
    first = min(max(front - most // 2, 0), max(len(states) - most, 0))
    shown = range(first, min(first + most, len(states)))
    part = f"{first + 1}-{shown[-1] + 1} of {len(states)} runs" if len(shown) < len(states) else "runs"
    rows = [Content.styled(f"{part} (tab: next, r: table)", "$muted")]
    numbers = run_colors(states)
    for index in shown:
        state, selected = states[index], index == front
        last = state.metrics
        value = last.get("val_loss", last.get("train_loss"))
        tail = f" {state.epoch}/{state.epochs} {number(value, 3):>7}"
        room = max(width - len(tail) - 4, 4)
        name = short_name_of(state).rsplit("/", 1)[-1]
        rows.append(
            Content.assemble(
                ("▸" if selected or steer_all else " ", "bold"),
                (icons.state(state.status), STATE_STYLES.get(state.status, "")),
                " ",
                (padded(cut(name, room), room), color(numbers[index], palette)),
                (tail, "bold" if selected else "$muted"),
            )
        )
    return rows


def color(number: int, palette: Palette) -> Style:
    """Return the colour of a run's curves, by its colour number."""
    return Style.from_rich_style(palette.style(RUNS[number % len(RUNS)]))
