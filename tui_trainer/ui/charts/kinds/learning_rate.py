"""The chart of the learning rate: recorded, planned, and under a previewed plan."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.baseline import add_baseline
from tui_trainer.ui.charts.history.branches import branches_of
from tui_trainer.ui.charts.history.log_axis import EXPLOSION
from tui_trainer.ui.charts.model import ChartData, Curve
from tui_trainer.ui.charts.palette import Role

LEAST_RATE = 1e-4
"""Smallest rate on a logarithmic axis, as a share of the schedule's own: many schedules end at zero."""


def draw(context: ChartContext, key: int) -> ChartData:
    """Draw past rates solid, planned rates dotted to the end of the run, and the previewed plan next to them."""
    builder = ChartBuilder(context, key, "learning rate", chart="rate", trim=False)
    state = context.state
    past = context.resample("lr")
    builder.force_log = _far_above_plan(state)
    if state.plan is not None:
        builder.log_floor = LEAST_RATE * state.plan.base
    if context.view.span is None and not builder.log:
        builder.required.append(0.0)
    builder.add_branches("lr")
    role: Role = "plan" if context.single_run else context.band_role()
    future = [] if state.over else planned_curves(state.plan, state, context.grid, role)
    builder.curves += future
    builder.curves += past.band(context.front_role("train"))
    now = context.value(past) if past else state.lr
    cursor_step = context.cursor_step()
    if cursor_step is not None and cursor_step > state.step and state.plan is not None and future:
        now = planned_rate(state.plan, state, round(cursor_step))
    if past or future:
        builder.add_legend(context.front_role("train"), "line", context.front_label("lr"), now)
    if state.plan is not None:
        builder.add_note(visible(state.plan.scheduler.kind))
    if state.plan is not None and future and context.preview is None and not state.plan.scheduler.watches:
        builder.add_legend(role, "dots", "ends at", planned_rate(state.plan, state, state.plan.end))
    if context.preview is not None:
        builder.curves += planned_curves(context.preview, state, context.grid, "preview")
        at_end = planned_rate(context.preview, state, context.preview.end)
        builder.add_legend("preview", "dots", f"{visible(context.preview.scheduler.kind)} ends at", at_end)
    for run in context.background_sample:
        _add_background(builder, run)
    add_baseline(builder, "lr")
    return builder.build()


def _add_background(builder: ChartBuilder, run: int) -> None:
    """Add the past and planned rates of a background run."""
    context, role = builder.context, builder.context.run_role(run)
    state, resampled = context.states[run], context.resample("lr", run)
    future = [] if state.over else planned_curves(state.plan, state, context.grids[run], role)
    builder.curves += [*resampled.band(role, faint=True), *(replace(curve, faint=True) for curve in future)]
    if resampled:
        builder.add_legend(role, "line", context.name(run), context.value(resampled, run=run))


def _far_above_plan(state: RunState) -> bool:
    """Return whether a rate set by hand was so high that a linear axis would show all others as zero."""
    plan, rates = state.started.plan if state.started is not None else None, state.series.get("lr")
    if plan is None or not plan.base or rates is None or not rates.count:
        return False
    (column,) = rates.columns((rates.first_step, rates.last_step))
    highest = max(
        [0.0 if column is None else column.high, *(max(branch.values) for branch in branches_of(state, "lr"))]
    )
    return highest > EXPLOSION * plan.base


def planned_curves(plan: LrPlan | None, state: RunState, grid: Grid, role: Role) -> list[Curve]:
    """Return the planned rates of the visible future steps."""
    if plan is None:
        return []
    steps = grid.steps(state.step, plan.end)
    if len(steps) < 2:
        return []
    rates = tuple(planned_rate(plan, state, step) for step in steps)
    return [Curve(role, tuple(grid.position(step) for step in steps), rates, rates, dotted=True)]


def planned_rate(plan: LrPlan, state: RunState, step: int) -> float:
    """Return the planned learning rate of a future step.

    The future of a schedule that monitors a metric is unknown: it shows the present rate, changed only by warm-up.
    """
    if not plan.scheduler.watches:
        return plan.rate(step)
    here = plan.rate(state.step)
    if plan is not state.plan or not here:
        return plan.rate(step)
    return state.lr * plan.rate(step) / here
