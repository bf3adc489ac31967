"""Set the ends of the axes of a chart by hand; an empty field gives an end back to the values."""

from __future__ import annotations

import math

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from tui_trainer.state.series_names import title_of
from tui_trainer.text import number, visible
from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.view import End, Limits
from tui_trainer.ui.forms.entry import TextEntry
from tui_trainer.ui.preferences.screen_state import MAX_END
from tui_trainer.ui.screens.dialogs.base import Dialog

AUTO = "auto"
FIELDS = ("y from", "y to", "x from", "x to")


def parse_end(name: str, text: str) -> End:
    """Parse an end of an axis; empty and "auto" are None.

    Raises:
        ValueError: it is no number; the message is for the user.
    """
    if text.strip().casefold() in ("", AUTO):
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name}: {text.strip()!r} is not a number; enter one, or {AUTO}") from None
    if not math.isfinite(value) or abs(value) > MAX_END:
        raise ValueError(f"{name}: enter a finite number, or {AUTO}")
    return value


class SetLimits(Dialog[Limits]):
    """Answers with the ends of both axes.

    Args:
        chart: the title of the chart.
        limits: the ends in force.
        ruler: converts between the x axis and steps.
        log: whether the y axis is logarithmic.
    """

    DEFAULT_CSS = """
    SetLimits > #frame { width: 60; }
    SetLimits .row { height: 1; }
    SetLimits .name { width: 22; color: $muted; }
    SetLimits TextEntry { width: 1fr; }
    """

    HINTS = "↑↓ tab field · enter keep · esc cancel"

    def __init__(self, chart: str, limits: Limits, ruler: Ruler, *, log: bool) -> None:
        super().__init__(f"Axes of {visible(chart)}")
        self._ruler = ruler
        self._log = log
        x = tuple(None if step is None else ruler.position(step) for step in limits.x)
        self._texts = ["" if end is None else number(end, 6) for end in (*limits.y, *x)]
        self._before = limits

    def inside(self) -> list[Widget]:
        """Return a row for each end."""
        unit = visible(title_of(self._ruler.axis))
        return [
            Horizontal(
                Static(
                    Content(f"{name} ({unit})" if name[0] == "x" and len(unit) <= len("epoch") else name),
                    classes="name",
                ),
                TextEntry(text, placeholder=AUTO, id=name.replace(" ", "-")),
                classes="row",
            )
            for name, text in zip(FIELDS, self._texts, strict=True)
        ]

    def on_mount(self) -> None:
        """Focus the first end."""
        super().on_mount()
        self.query_one(TextEntry).focus()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            limits = self._limits()
        except ValueError as error:
            self.show_error(visible(str(error)))
        else:
            self.answer(limits)

    def _limits(self) -> Limits:
        texts = [entry.value for entry in self.query(TextEntry)]
        y_low, y_high, x_low, x_high = (parse_end(name, text) for name, text in zip(FIELDS, texts, strict=True))
        for name, low, high in (("y", y_low, y_high), ("x", x_low, x_high)):
            if low is not None and high is not None and not low < high:
                raise ValueError(f"{name} from must be below {name} to")
        if self._log and any(end is not None and end <= 0 for end in (y_low, y_high)):
            raise ValueError("a logarithmic axis has ends above 0; L makes it linear")
        # Ends that stayed as they were keep all digits.
        before = (*self._before.y, *self._before.x)
        steps = [None if end is None else self._ruler.step(end) for end in (x_low, x_high)]
        ends = [
            old if text == shown else new
            for text, shown, old, new in zip(texts, self._texts, before, (y_low, y_high, *steps), strict=True)
        ]
        return Limits((ends[0], ends[1]), (ends[2], ends[3]))
