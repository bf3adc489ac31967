"""The search for a learning rate: its price, the curve, and a mark that arrows move."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui_trainer.protocol.commands import FindRate
from tui_trainer.protocol.describe import describe
from tui_trainer.protocol.events import RateFound
from tui_trainer.text import number
from tui_trainer.ui.charts.model import ChartData, blank
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.screens.dialogs.base import Dialog
from tui_trainer.ui.steering.rate_chart import NAME, rate_chart

POLL = 0.1
"""Seconds between two looks for the answer of the run."""
LOW = 16
"""Rows of a terminal below which words and chart make room for the keys."""
MARK_HINTS = "←→ move the mark · p proposed · s steepest · t a tenth · enter set this rate · esc leave the rate"


class FindRateDialog(Dialog[float]):
    """Answers with the rate of the mark.

    Args:
        read: returns the newest answer of the run.
        send: sends a command to the run.
        waits: returns whether its answer has not come yet.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", show=False),
        Binding("left", "move(-1)", show=False),
        Binding("right", "move(1)", show=False),
        Binding("p", "jump('proposed')", show=False),
        Binding("s", "jump('steepest')", show=False),
        Binding("t", "jump('tenth')", show=False),
    ]

    DEFAULT_CSS = """
    FindRateDialog > #frame { width: 88; }
    FindRateDialog #said { height: auto; color: $muted; }
    FindRateDialog Chart { width: 1fr; height: 16; max-height: 60vh; display: none; }
    FindRateDialog.-found Chart { display: block; }
    FindRateDialog.-low.-found #said { max-height: 2; }
    FindRateDialog.-low Chart { height: 4; max-height: 4; }
    """

    HINTS = "enter try the rates · esc cancel"

    def __init__(
        self, read: Callable[[], RateFound | None], send: Callable[[FindRate], None], waits: Callable[[], bool]
    ) -> None:
        super().__init__("Find the rate")
        self._read, self._send, self._waits = read, send, waits
        self._shown: RateFound | None = None
        self._last = read()
        self._asked = True
        """Whether an answer is awaited."""
        self._place: int | None = None
        """Index of the rate of the mark; None without one."""

    def inside(self) -> list[Widget]:
        """Return the line of words and the chart."""
        glyphs = "ascii" if self.app.has_class("-ascii") else "braille"
        return [Static("asking for the price", id="said", markup=False), Chart(0, NAME, glyphs=glyphs)]

    def on_resize(self) -> None:
        """Leave room for the keys in a low terminal."""
        super().on_resize()
        self.set_class(self.size.height < LOW, "-low")

    def on_mount(self) -> None:
        """Ask for the price."""
        super().on_mount()
        self._send(FindRate(price=True))
        self.set_interval(POLL, self._look)

    def _look(self) -> None:
        if not self._asked:
            return
        found = self._read()
        if found is not None and found is not self._last:
            self._last, self._asked = found, False
            self._show(found)
        elif not self._waits():
            self._asked = False
            self.show_error("the run refused: its reason is among the events")

    def _show(self, found: RateFound) -> None:
        self._shown = found
        if found.priced:
            self._say(describe(found.model_copy(update={"cause": None})) or "")
            return
        self.add_class("-found")
        if found.rates:
            self.query_one("#keys", KeyHints).show(MARK_HINTS)
            self._jump_to(found.proposed or found.steepest or found.lr)
        else:
            self._say(describe(found) or "")

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Content(text))

    def _jump_to(self, rate: float) -> None:
        assert self._shown is not None
        rates = self._shown.rates
        self._place = min(range(len(rates)), key=lambda index: abs(math.log((rate or rates[0]) / rates[index])))
        self._mark()

    def _mark(self) -> None:
        found, rate = self._shown, self._rate
        if found is None or rate is None:
            return
        clear = "" if found.steepest is not None else f"no clear rate: {found.unclear}. "
        rest = f"; {found.unclear}" if clear == "" and found.unclear else ""
        self._say(f"{clear}mark v at {number(rate, 3)}, now {number(found.lr, 3)}{rest}")
        self.query_one(Chart).show(self._chart)

    def _chart(self, width: int, height: int) -> ChartData:
        return rate_chart(self._shown, self._rate, width, height) if self._shown is not None else blank(0, NAME)

    @property
    def _rate(self) -> float | None:
        if self._shown is None or self._place is None:
            return None
        return float(f"{self._shown.rates[self._place]:.3g}")

    def action_move(self, by: int) -> None:
        """Move the mark to a neighbouring rate."""
        if self._place is not None and self._shown is not None:
            self._place = min(max(self._place + by, 0), len(self._shown.rates) - 1)
            self._mark()

    def action_jump(self, name: str) -> None:
        """Move the mark to the proposed rate, the steepest descent, or a tenth of the minimum."""
        if self._place is not None and (rate := getattr(self._shown, name)) is not None:
            self._jump_to(rate)

    def action_accept(self) -> None:
        """Try the rates once the price is known; then answer with the mark."""
        if self._rate is not None:
            self.answer(self._rate)
        elif self._shown is not None and self._shown.priced and not self._asked:
            self._asked = True
            self._say("trying the rates; the run goes on from where it was")
            self._send(FindRate())
