"""The loss chart as plain text, printed at the end of a headless run."""

from __future__ import annotations

import shutil

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.plot import draw

WIDTH, HEIGHT = 80, 18


def plain_chart(state: RunState) -> str:
    """Draw the loss of the full run, as wide as the terminal (20 to 120 columns, 80 without one)."""
    width = min(max(shutil.get_terminal_size((WIDTH, HEIGHT)).columns, 20), 120)
    loss = chart_data(ChartKind.LOSS, [state], 0, View(), width, HEIGHT)
    drawn = draw(loss, width, HEIGHT, palette(depth="none"))
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in drawn)
