"""The chart widget: content, repainted regions and mouse messages."""

from __future__ import annotations

from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.color import Color
from textual.geometry import Region
from textual.message import Message

from tui_trainer.protocol.events import Scalars
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartData, ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.chart_widget import Chart
from tui_trainer.ui.render.theme_palette import theme_palette
from tui_trainer.ui.themes import ANSI_DARK, DARK, LIGHT


class RecordingChart(Chart):
    """A chart that records its repainted regions."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.repainted: list[tuple[Region, ...]] = []
        super().__init__(*args, **options)

    def refresh(self, *regions: Region, **options: Any) -> Any:
        self.repainted.append(regions)
        return super().refresh(*regions, **options)


class ChartApp(App[None]):
    """An application with one chart, which records its messages."""

    CSS = "Screen { background: $background; }"

    def __init__(self, **options: Any) -> None:
        super().__init__()
        for theme in (DARK, LIGHT, ANSI_DARK):
            self.register_theme(theme)
        self.theme = DARK.name
        self.chart = RecordingChart(1, "loss", **options)
        self.messages: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.chart

    def on_chart_cursor_at(self, message: Chart.CursorAt) -> None:
        self.messages.append(message)

    def on_chart_zoomed(self, message: Chart.Zoomed) -> None:
        self.messages.append(message)

    def on_chart_panned(self, message: Chart.Panned) -> None:
        self.messages.append(message)

    @property
    def lines(self) -> list[str]:
        """The rows of the screen."""
        return [strip.text for strip in self.screen._compositor.render_strips()]


def _source(state: RunState, **view: Any):
    return lambda width, height: chart_data(ChartKind.LOSS, [state], 0, View(**view), width, height)


@pytest.mark.parametrize("size", [(20, 3), (50, 12), (80, 24), (140, 40)])
async def test_a_chart_fills_its_size(make_run, size: tuple[int, int]):
    app = ChartApp()
    async with app.run_test(size=size) as pilot:
        app.chart.show(_source(make_run(steps=200)))
        await pilot.pause()
        assert [len(line) for line in app.lines] == [size[0]] * size[1]
        assert app.lines[0].startswith("1 loss")
        if size[1] > 10:
            assert "└" in app.lines[-2]
            assert app.lines[-1].startswith("step")
            assert any("⠒" in line or "⠤" in line for line in app.lines)


async def test_an_empty_chart_shows_its_key_and_name():
    app = ChartApp()
    async with app.run_test(size=(40, 8)):
        assert app.lines[0].startswith("1 loss ──")


async def test_equal_data_repaint_nothing(make_run):
    app, state = ChartApp(), make_run(steps=200)
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(state))
        await pilot.pause()
        app.chart.repainted.clear()
        app.chart.show(_source(state))
        app.chart.show(chart_data(ChartKind.LOSS, [state], 0, View(), 80, 24))
        assert app.chart.repainted == []


async def test_a_new_step_repaints_only_changed_cells(make_run):
    app, state = ChartApp(), make_run(steps=170)
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(state))
        await pilot.pause()
        before = app.lines
        app.chart.repainted.clear()
        state.apply(Scalars(steps=[171], seconds=[1.71], values={"train_loss": [0.15]}))
        app.chart.show(_source(state))
        (regions,) = app.chart.repainted
        assert regions
        assert sum(region.area for region in regions) < 80
        assert all(region.height == 1 for region in regions)
        await pilot.pause()
        changed = {
            (x, y)
            for y, (old, new) in enumerate(zip(before, app.lines, strict=True))
            for x, (one, other) in enumerate(zip(old, new, strict=True))
            if one != other
        }
        assert changed
        assert all(any(region.contains(x, y) for region in regions) for x, y in changed)


async def test_a_source_is_called_again_after_a_resize(make_run):
    app, sizes = ChartApp(), []
    state = make_run(steps=200)

    def source(width: int, height: int) -> ChartData:
        sizes.append((width, height))
        return chart_data(ChartKind.LOSS, [state], 0, View(), width, height)

    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(source)
        await pilot.resize_terminal(60, 15)
        await pilot.pause()
        assert sizes[-1] == (60, 15)
        assert [len(line) for line in app.lines] == [60] * 15


async def test_a_failing_source_becomes_a_message():
    app = ChartApp()

    def broken(width: int, height: int) -> ChartData:
        raise KeyError(width, height)

    async with app.run_test(size=(60, 12)) as pilot:
        app.chart.show(broken)
        await pilot.pause()
        assert "cannot be drawn: KeyError" in "".join(app.lines)


async def test_a_click_posts_its_step(make_run):
    app, state = ChartApp(), make_run(steps=200, epochs=10)
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(state))
        await pilot.click(Chart, offset=(7 + 36, 10))
        (message,) = app.messages
        assert isinstance(message, Chart.CursorAt)
        assert message.step == pytest.approx(100, abs=2)
        await pilot.click(Chart, offset=(3, 10))
        assert len(app.messages) == 1


async def test_dragging_posts_the_new_span(make_run):
    app, state = ChartApp(), make_run(steps=200, epochs=10)
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(state, span=(100, 150)))
        await pilot.mouse_down(Chart, offset=(40, 10))
        await pilot.hover(Chart, offset=(45, 10))
        await pilot.hover(Chart, offset=(50, 10))
        await pilot.mouse_up(Chart, offset=(50, 10))
        assert app.messages
        assert all(isinstance(message, Chart.Panned) for message in app.messages)
        first, last = app.messages[-1].span
        assert last - first == pytest.approx(50)
        assert first == pytest.approx(100 - 10 * 50 / 73)


async def test_the_wheel_zooms_around_the_mouse(make_run):
    app, state = ChartApp(), make_run(steps=200, epochs=10)
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(state))
        await pilot._post_mouse_events([events.MouseScrollUp], Chart, offset=(7 + 36, 10))
        (closer,) = app.messages
        assert isinstance(closer, Chart.Zoomed)
        assert closer.span == pytest.approx((20, 180), abs=2)
        await pilot._post_mouse_events([events.MouseScrollDown], Chart, offset=(7 + 36, 10))
        assert app.messages[-1].span is None


async def test_another_theme_has_other_colors(make_run):
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(make_run(steps=200)))
        await pilot.pause()
        for theme in (DARK, LIGHT):
            app.theme = theme.name
            await pilot.pause()
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            colors = {segment.style.color for strip in strips for segment in strip if segment.style is not None}
            assert theme_palette(app, Color.parse(theme.background)).style("train").color in colors
        app.theme = ANSI_DARK.name
        await pilot.pause()
        await pilot.pause()
        assert app.chart._palette == palette(True, depth="16").on(app.chart.rich_style)


async def test_without_colors_a_chart_has_none(make_run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = ChartApp()
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(make_run(steps=200)))
        await pilot.pause()
        assert app.chart._palette == palette(True, depth="none").on(app.chart.rich_style)


async def test_a_chart_in_plain_characters_is_ascii(make_run):
    app = ChartApp(glyphs="ascii")
    async with app.run_test(size=(80, 24)) as pilot:
        app.chart.show(_source(make_run(steps=200)))
        await pilot.pause()
        assert all(line.isascii() for line in app.lines)
        app.chart.restyle("braille")
        await pilot.pause()
        assert not all(line.isascii() for line in app.lines)


async def test_the_area_is_that_of_the_drawn_plot(make_run):
    """`Chart.area` is the area in which the chart was drawn."""
    app = ChartApp()
    async with app.run_test(size=(50, 12)) as pilot:
        app.chart.show(_source(make_run(steps=200)))
        await pilot.pause()
        assert app.lines[-2].index("└") + 1 == app.chart.area.left
