"""The chart widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui_trainer.ui.charts.axes import Span, clamp_span
from tui_trainer.ui.charts.model import Area, ChartData, blank
from tui_trainer.ui.charts.palette import Palette
from tui_trainer.ui.render.plot import draw
from tui_trainer.ui.render.raster import GlyphName
from tui_trainer.ui.render.theme_palette import theme_palette

Source = Callable[[int, int], ChartData]
"""Return the chart data for a width and height in cells."""


class Chart(Widget):
    """A chart that keeps its drawn lines and repaints only the cells that change.

    A source is called again whenever the size changes; plain chart data stay as they are. Mouse actions post messages
    and change nothing by themselves.
    """

    DEFAULT_CSS = """
    Chart {
        width: 1fr;
        height: 1fr;
        min-height: 1;
    }
    """

    ALLOW_SELECT = False
    CLOSER: ClassVar[float] = 0.8
    """Factor on the visible span for one turn of the wheel."""

    @dataclass
    class CursorAt(Message):
        """Posted when a click puts the cursor on a step."""

        chart: Chart
        step: float

    @dataclass
    class Zoomed(Message):
        """Posted when the wheel zooms around the step under the mouse; a span of None is the full run."""

        chart: Chart
        span: Span | None

    @dataclass
    class Panned(Message):
        """Posted when the plot is dragged to another span of steps; a span of None is the full run."""

        chart: Chart
        span: Span | None

    def __init__(
        self,
        number: int = 0,
        kind: str = "",
        *,
        glyphs: GlyphName = "braille",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """Create an empty chart titled with its number key and kind."""
        super().__init__(id=id, classes=classes)
        self.number = number
        self.kind = kind
        self.glyphs: GlyphName = glyphs
        self.chart_data = blank(number, kind)
        """The chart data on the screen."""
        self._source: Source | ChartData = self.chart_data
        self._drawn_key: tuple[object, ...] = ()
        self._lines: list[Strip] = []
        self._palette: Palette | None = None
        self._base = Style.null()
        self._drag_start: tuple[int, Span] | None = None
        self._dragged = False

    def show(self, source: Source | ChartData) -> None:
        """Show chart data, or the data that a source returns for the current size. Unchanged data cost nothing."""
        self._source = source
        self._draw()

    def restyle(self, glyphs: GlyphName | None = None) -> None:
        """Draw again with the colours of the current theme, and with another character set if given."""
        self.glyphs = glyphs or self.glyphs
        self._palette = None
        self._draw()

    @property
    def area(self) -> Area:
        """The layout of the chart in cells."""
        return Area.of(*self.size, self.chart_data.label)

    def render_line(self, y: int) -> Strip:
        if 0 <= y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.rich_style)

    def on_mount(self) -> None:
        # The background under the chart has its new colour only after the refresh.
        def restyle_later(_theme: str) -> None:
            self.call_after_refresh(self.restyle)

        self.watch(self.app, "theme", restyle_later, init=False)

    def on_resize(self) -> None:
        self._draw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and self._step(event.x) is not None:
            self._drag_start, self._dragged = (event.x, self.chart_data.span), False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._drag_start is None:
            return
        at, (first, last) = self._drag_start
        if event.x != at or self._dragged:
            self._dragged = True
            moved = (at - event.x) * (last - first) / self.area.columns
            self.post_message(self.Panned(self, clamp_span((first + moved, last + moved), self.chart_data.full_span)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._drag_start is None:
            return
        self._drag_start = None
        self.release_mouse()
        step = self._step(event.x)
        if not self._dragged and step is not None:
            self.post_message(self.CursorAt(self, step))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._zoom(event, self.CLOSER)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._zoom(event, 1 / self.CLOSER)

    def _zoom(self, event: events.MouseEvent, share: float) -> None:
        step = self._step(event.x)
        if step is not None:
            event.stop()
            first, last = self.chart_data.span
            span = step - (step - first) * share, step + (last - step) * share
            self.post_message(self.Zoomed(self, clamp_span(span, self.chart_data.full_span)))

    def _step(self, x: int) -> float | None:
        """Return the step in the middle of a column of cells, None outside the plot."""
        area, steps = self.area, self.chart_data.steps
        column = x - area.left
        if not 0 <= column < area.columns or len(steps) < 2:
            return None
        # The size may have changed since the data were computed.
        cell = column * (len(steps) - 1) // area.columns
        return (steps[cell] + steps[cell + 1]) / 2

    def _draw(self) -> None:
        """Draw the current data unless they are drawn already, and repaint the cells that differ."""
        width, height = self.size
        if not width or not height:
            return
        chart_data = (
            self._source if isinstance(self._source, ChartData) else self._from_source(self._source, width, height)
        )
        base = self.rich_style
        if self._palette is None or base != self._base:
            self._palette, self._base = self._current_palette().on(base), base
        key = (chart_data, width, height, self.glyphs, self._palette)
        if key == self._drawn_key:
            return
        self.chart_data, self._drawn_key = chart_data, key
        lines = draw(chart_data, width, height, self._palette, self.glyphs)
        before, self._lines = self._lines, lines
        if len(before) != len(lines) or any(strip.cell_length != width for strip in before):
            self.refresh()
            return
        changed = [region for y in range(height) if (region := _changed_region(before[y], lines[y], y)) is not None]
        if changed:
            self.refresh(*changed)

    def _from_source(self, source: Source, width: int, height: int) -> ChartData:
        try:
            return source(width, height)
        except Exception as error:  # noqa: BLE001 - one chart that fails must not end the screen that steers a training
            self.log.error(f"{self!r} cannot be drawn: {error!r}")
            return blank(self.number, self.kind, f"cannot be drawn: {type(error).__name__}")

    def _current_palette(self) -> Palette:
        """Return the palette for the theme, the background and the colour depth of the terminal."""
        return theme_palette(self.app, self.background_colors[1])


def _changed_region(before: Strip, after: Strip, y: int) -> Region | None:
    """Return the region from the first to the last cell in which two lines of one width differ."""
    if before == after:
        return None
    old, new = _cells(before), _cells(after)
    if len(old) != len(new):  # a character wider than a cell
        return Region(0, y, after.cell_length, 1)
    columns = [x for x, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    if not columns:
        return None
    return Region(columns[0], y, columns[-1] - columns[0] + 1, 1)


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    return [(character, segment.style) for segment in strip for character in segment.text]
