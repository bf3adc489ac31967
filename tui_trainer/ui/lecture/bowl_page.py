"""Rate and momentum as sliders beside a lesson: the path on a bowl follows them at once, without any run."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.registry import ChartData, PicturePane, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.lecture.bowl import CONDITION, MOMENTA, RATES, Bowl, best, slider
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.screens.dialogs.base import Dialog

PANE = PicturePane("bowl")
NARROW = 60
"""Cells of a terminal below which the sliders are numbers alone."""


class BowlPage(Dialog[None]):
    """A bowl with the path of gradient descent, and its two sliders."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,enter,H", "leave", show=False),
        Binding("left,h,minus", "move(-1, 0)", show=False),
        Binding("right,l,plus,equals_sign", "move(1, 0)", show=False),
        Binding("down,j", "move(0, -1)", show=False),
        Binding("up,k", "move(0, 1)", show=False),
        Binding("b", "best", show=False),
    ]

    DEFAULT_CSS = """
    BowlPage > #frame { width: 96; height: 90%; }
    BowlPage.-short > #frame { height: 100%; }
    BowlPage Chart { height: 1fr; }
    BowlPage #sliders { height: 3; }
    """

    HINTS = "← → rate · ↑ ↓ momentum · b the best of both · esc close"

    def __init__(self) -> None:
        super().__init__(f"Rate and momentum on a bowl, {CONDITION:.0f} times as steep one way as the other")
        self._bowl = Bowl()
        self._state = RunState(run="bowl")

    def inside(self) -> list[Widget]:
        """Return the picture and the sliders."""
        glyphs = "ascii" if self.app.has_class("-ascii") else "braille"
        return [Chart(0, "bowl", glyphs=glyphs), Static(id="sliders", markup=False)]

    def on_mount(self) -> None:
        """Draw the first path."""
        super().on_mount()
        self._draw()

    def action_move(self, rate: int, momentum: int) -> None:
        """Move the sliders."""
        self._show(self._bowl.moved(rate, momentum))

    def action_best(self) -> None:
        """Set both to the best values of theory."""
        self._show(best())

    def _show(self, bowl: Bowl) -> None:
        if bowl != self._bowl:
            self._bowl = bowl
            self._draw()

    def _draw(self) -> None:
        bowl, most = self._bowl, best()
        self._state.pictures = {PANE.name: bowl.picture()}
        self.query_one(Chart).show(self._chart)
        needed = bowl.steps_needed()
        arrived = f"a millionth after {needed} steps" if needed is not None else "it does not arrive"
        narrow = self.app.size.width < NARROW
        rates, momenta = ("", "") if narrow else (slider(bowl.rate, RATES), f"{slider(bowl.momentum, MOMENTA)}  ")
        lines = [
            f"rate      {rates} {bowl.rate:.3f}  best {most.rate:.3f}",
            f"momentum  {momenta} {bowl.momentum:.2f}   best {most.momentum:.2f}",
            arrived,
        ]
        self.query_one("#sliders", Static).update(Content("\n".join(lines)))

    def _chart(self, width: int, height: int) -> ChartData:
        return chart_data(PANE, [self._state], 0, View(), width, height)
