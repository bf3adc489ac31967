"""The chart of the throughput: optimizer steps per second, without validation and pauses."""

from __future__ import annotations

from tui_trainer.state.pace import Pace
from tui_trainer.state.run_state import CLOCK
from tui_trainer.state.series import Column
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.baseline import add_baseline_curve
from tui_trainer.ui.charts.model import ChartData, LegendEntry
from tui_trainer.ui.charts.resample import Resampled
from tui_trainer.ui.charts.ticks import short


def draw(context: ChartContext, key: int) -> ChartData:
    """Draw the steps per second of each column, computed from the recorded clock."""
    builder = ChartBuilder(context, key, "throughput", chart="speed")
    resampled = _steps_per_second(context.resample(CLOCK), context.state.pace)
    role = context.front_role("train")
    speeds = [column.mean if column is not None else None for column in resampled.columns]
    builder.curves += resampled.line(role, speeds)
    # The axis starts at zero, so that a variation of a tenth looks like a tenth.
    builder.required.append(0.0)
    now = context.value(resampled, speeds) if context.cursor_step() is not None else context.state.steps_per_second()
    if resampled and now is not None:
        builder.add_legend(role, "line", context.front_label("steps/s"), now)
        batch = context.state.started.batch_size if context.state.started is not None else 0
        if batch and context.single_run:
            builder.legend.append(LegendEntry("text", "", f"{short(now * batch)} samples/s"))
    for run in context.background_sample:
        resampled = _steps_per_second(context.resample(CLOCK, run), context.states[run].pace)
        builder.curves += resampled.line(context.run_role(run), faint=True)
        builder.add_legend(context.run_role(run), "line", context.name(run), context.states[run].steps_per_second())
    clock = context.resample_baseline(CLOCK)
    if clock is not None and context.baseline is not None:
        add_baseline_curve(builder, _steps_per_second(clock, context.baseline[0].pace))
    return builder.build()


def _steps_per_second(clock: Resampled, pace: Pace) -> Resampled:
    """Convert clock columns to steps per second, each measured from the end of the column before it."""
    columns: list[Column | None] = []
    step, seconds = 0, 0.0
    for column in clock.columns:
        speed = None
        if column is not None:
            if not step and column.last > column.first:
                step, seconds = column.first, pace.without_ends(column.first, column.low)
            end = pace.without_ends(column.last, column.high)
            if column.last > step and end > seconds and step:
                value = (column.last - step) / (end - seconds)
                speed = Column(column.first, column.last, value, value, value, column.last - step)
            step, seconds = column.last, end
        columns.append(speed)
    return Resampled(clock.series, clock.grid, columns, ())
