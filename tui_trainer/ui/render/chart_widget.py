"""One chart on the screen."""

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

from tui_trainer.ui.charts.axes import Span, within
from tui_trainer.ui.charts.model import Area, ChartData, blank
from tui_trainer.ui.charts.palette import Depth, Palette, palette
from tui_trainer.ui.render.plot import draw
from tui_trainer.ui.render.raster import GlyphName

Source = Callable[[int, int], ChartData]
"""Makes the picture for a room of so many cells across and from top to bottom."""


class Chart(Widget):
    """Shows a picture. It keeps the drawn lines, and a new picture repaints only the cells that it changes.

    A source is asked again whenever the room changes; a picture shown as it is stays as it is. The mouse asks the app
    for another look by messages; the chart itself decides nothing.
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
    """What a turn of the wheel makes of the visible span."""

    @dataclass
    class CursorAt(Message):
        """The cursor was put on a step."""

        chart: Chart
        step: float

    @dataclass
    class Zoomed(Message):
        """The wheel asks for another span of steps around the one under the mouse; None for the whole run."""

        chart: Chart
        span: Span | None

    @dataclass
    class Panned(Message):
        """The plot was dragged: the span of steps that it asks for."""

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
        """A chart that stands empty under its key and its name until it is shown a picture."""
        super().__init__(id=id, classes=classes)
        self.number = number
        self.kind = kind
        self.glyphs: GlyphName = glyphs
        self.picture = blank(number, kind)
        """What is shown."""
        self._source: Source | ChartData = self.picture
        self._drawn: tuple[object, ...] = ()
        self._lines: list[Strip] = []
        self._palette: Palette | None = None
        self._base = Style.null()
        self._grabbed: tuple[int, Span] | None = None
        self._dragged = False

    def show(self, source: Source | ChartData) -> None:
        """Show a picture, or the one that a source makes for the room there is. What is already shown costs nothing."""
        self._source = source
        self._draw()

    def restyle(self, glyphs: GlyphName | None = None) -> None:
        """Draw again in the colours that the theme has now, and with other characters if any are given."""
        self.glyphs = glyphs or self.glyphs
        self._palette = None
        self._draw()

    @property
    def area(self) -> Area:
        """How the room is shared out: where the plot lies."""
        return Area.of(*self.size, self.picture.label)

    def render_line(self, y: int) -> Strip:
        if 0 <= y < len(self._lines):
            return self._lines[y]
        return Strip.blank(self.size.width, self.rich_style)

    def on_mount(self) -> None:
        # After the refresh: only then does the ground under the chart have its new colour.
        def later(_: str) -> None:
            self.call_after_refresh(self.restyle)

        self.watch(self.app, "theme", later, init=False)

    def on_resize(self) -> None:
        self._draw()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1 and self._step(event.x) is not None:
            self._grabbed, self._dragged = (event.x, self.picture.span), False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._grabbed is None:
            return
        at, (first, last) = self._grabbed
        if event.x != at or self._dragged:
            self._dragged = True
            moved = (at - event.x) * (last - first) / self.area.columns
            self.post_message(self.Panned(self, within((first + moved, last + moved), self.picture.whole)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._grabbed is None:
            return
        self._grabbed = None
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
            first, last = self.picture.span
            span = step - (step - first) * share, step + (last - step) * share
            self.post_message(self.Zoomed(self, within(span, self.picture.whole)))

    def _step(self, x: int) -> float | None:
        """The step in the middle of a column of cells, None beside the plot."""
        area, steps = self.area, self.picture.steps
        column = x - area.left
        if not 0 <= column < area.columns or len(steps) < 2:
            return None
        # The room may have changed since the picture was made.
        cell = column * (len(steps) - 1) // area.columns
        return (steps[cell] + steps[cell + 1]) / 2

    def _draw(self) -> None:
        """Draw what is to be shown, unless it is drawn already, and repaint the cells that differ."""
        width, height = self.size
        if not width or not height:
            return
        picture = self._source if isinstance(self._source, ChartData) else self._asked(self._source, width, height)
        base = self.rich_style
        if self._palette is None or base != self._base:
            self._palette, self._base = self._looks().on(base), base
        drawn = (picture, width, height, self.glyphs, self._palette)
        if drawn == self._drawn:
            return
        self.picture, self._drawn = picture, drawn
        lines = draw(picture, width, height, self._palette, self.glyphs)
        before, self._lines = self._lines, lines
        if len(before) != len(lines) or any(strip.cell_length != width for strip in before):
            self.refresh()
            return
        changed = [region for y in range(height) if (region := _changed(before[y], lines[y], y)) is not None]
        if changed:
            self.refresh(*changed)

    def _asked(self, source: Source, width: int, height: int) -> ChartData:
        try:
            return source(width, height)
        except Exception as error:  # noqa: BLE001 - one chart that fails must not end the screen that steers a training
            self.log.error(f"{self!r} has no picture: {error!r}")
            return blank(self.number, self.kind, f"no picture: {type(error).__name__}")

    def _looks(self) -> Palette:
        """The palette for the theme, the ground under the chart and the colours that the terminal has."""
        app = self.app
        depth: Depth = "none" if app.no_color else "16" if app.native_ansi_color else "full"
        ground = self.background_colors[1]
        return palette(app.current_theme.dark, ground.hex6 if ground.a and ground.ansi is None else "", depth)


def _changed(before: Strip, after: Strip, y: int) -> Region | None:
    """The cells from the first to the last in which two lines of one width differ."""
    if before == after:
        return None
    old, new = _cells(before), _cells(after)
    if len(old) != len(new):  # a character wider than a cell
        return Region(0, y, after.cell_length, 1)
    places = [x for x, (one, other) in enumerate(zip(old, new, strict=True)) if one != other]
    if not places:
        return None
    return Region(places[0], y, places[-1] - places[0] + 1, 1)


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    return [(character, segment.style) for segment in strip for character in segment.text]
