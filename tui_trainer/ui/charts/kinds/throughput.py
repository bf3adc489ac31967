"""The pace of the training: optimizer steps a second, pauses left out."""

from __future__ import annotations

from tui_trainer.state.run_state import CLOCK
from tui_trainer.state.series import Column
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import ChartData, LegendEntry
from tui_trainer.ui.charts.resample import Resampled
from tui_trainer.ui.charts.ticks import short


def draw(scene: ChartContext, key: int) -> ChartData:
    """Steps a second in each column, read off the clock."""
    sheet = ChartBuilder(scene, key, "speed")
    cut = _paced(scene.cut(CLOCK))
    role = scene.own("speed-smooth")
    paces = [column.mean if column is not None else None for column in cut.columns]
    sheet.curves += cut.line(role, paces)
    # From zero, so that a pace which wavers by a tenth looks like one.
    sheet.firm.append(0.0)
    now = scene.value(cut, paces) if scene.moment() is not None else scene.state.steps_per_second()
    if cut and now is not None:
        sheet.read(role, "line", "steps/s" if scene.alone else scene.name(scene.front), now)
        batch = scene.state.started.batch_size if scene.state.started is not None else 0
        if batch and scene.alone:
            sheet.legend.append(LegendEntry("text", "", f"{short(now * batch)} samples/s"))
    for run in scene.thinned:
        sheet.curves += _paced(scene.cut(CLOCK, run)).line(scene.dim(run), faint=True)
        sheet.read(scene.dim(run), "line", scene.name(run), scene.states[run].steps_per_second())
    return sheet.finish()


def _paced(clock: Resampled) -> Resampled:
    """The clock turned into steps a second: each column from the end of the one before it."""
    found: list[Column | None] = []
    step, seconds = 0, 0.0
    for column in clock.columns:
        pace = None
        if column is not None:
            if not step and column.last > column.first:
                step, seconds = column.first, column.low
            if column.last > step and column.high > seconds and step:
                value = (column.last - step) / (column.high - seconds)
                pace = Column(column.first, column.last, value, value, value, column.last - step)
            step, seconds = column.last, column.high
        found.append(pace)
    return Resampled(clock.series, clock.grid, found, ())
