"""The learning rate: what it was, what it will be, and what it would be under another plan."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.axes import Grid
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import ChartData, Curve
from tui_trainer.ui.charts.palette import Role


def draw(scene: ChartContext, key: int) -> ChartData:
    """The rate of the past solid; the coming one, to the end of the run, dotted; a considered plan beside it."""
    sheet = ChartBuilder(scene, key, "learning rate", cut=False)
    state = scene.state
    past = scene.cut("lr")
    if scene.view.span is None:
        sheet.firm.append(0.0)
    role = "coming" if scene.alone else scene.dim()
    future = [] if state.over else coming(state.plan, state, scene.grid, role)
    sheet.curves += future
    sheet.curves += past.band(scene.own("rate"))
    now = scene.value(past) if past else state.lr
    moment = scene.moment()
    if moment is not None and moment > state.step and state.plan is not None and future:
        now = coming_rate(state.plan, state, round(moment))
    if past or future:
        sheet.read(scene.own("rate"), "line", "lr" if scene.alone else scene.name(scene.front), now)
    if state.plan is not None:
        sheet.note(visible(state.plan.scheduler.kind))
    if state.plan is not None and future and scene.preview is None and not state.plan.scheduler.watches:
        sheet.read(role, "dots", "ends at", coming_rate(state.plan, state, state.plan.end))
    if scene.preview is not None:
        sheet.curves += coming(scene.preview, state, scene.grid, "preview")
        at_end = coming_rate(scene.preview, state, scene.preview.end)
        sheet.read("preview", "dots", f"{visible(scene.preview.scheduler.kind)} ends at", at_end)
    for run in scene.thinned:
        _beside(sheet, run)
    return sheet.finish()


def _beside(sheet: ChartBuilder, run: int) -> None:
    """The rate of a run behind, past and coming."""
    scene, role = sheet.scene, sheet.scene.dim(run)
    state, cut = scene.states[run], scene.cut("lr", run)
    future = [] if state.over else coming(state.plan, state, scene.grids[run], role)
    sheet.curves += [*cut.band(role, faint=True), *(replace(curve, faint=True) for curve in future)]
    if cut:
        sheet.read(role, "line", scene.name(run), scene.value(cut, run=run))


def coming(plan: LrPlan | None, state: RunState, grid: Grid, role: Role) -> list[Curve]:
    """The rate that a plan has for the visible steps still to come."""
    if plan is None:
        return []
    steps = grid.steps(state.step, plan.end)
    if len(steps) < 2:
        return []
    rates = tuple(coming_rate(plan, state, step) for step in steps)
    return [Curve(role, tuple(grid.ruler.place(step) for step in steps), rates, rates, dotted=True)]


def coming_rate(plan: LrPlan, state: RunState, step: int) -> float:
    """The rate that a plan has for a step to come.

    A schedule that watches a metric cannot know what it will see: from the present rate on, only its warm-up shows.
    """
    if not plan.scheduler.watches:
        return plan.rate(step)
    here = plan.rate(state.step)
    if plan is not state.plan or not here:
        return plan.rate(step)
    return state.lr * plan.rate(step) / here
