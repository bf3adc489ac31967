"""The coming learning rate of a run that has not begun."""

from __future__ import annotations

from typing import Any

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol.events import RunStarted
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.cards.start_card import STEPS_PER_EPOCH
from tui_trainer.ui.charts.registry import ChartData, ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.preview_widget import Draw


def plan_of(config: RunConfig) -> LrPlan | None:
    """Return the learning-rate plan of a configuration; None for a schedule that only the host can compute."""
    if config.scheduler.kind == "import":
        return None
    end = config.training.epochs * STEPS_PER_EPOCH
    return LrPlan.begin(config.scheduler, config.optimizer.lr, step=0, end=end, steps_per_epoch=STEPS_PER_EPOCH)


def draw_over(base: RunConfig) -> Draw:
    """Return a function that draws the plan of a changed configuration over that of the present one, by epochs."""
    plan = plan_of(base)
    # The true number of steps is known once the data are loaded; over epochs it does not matter.
    fields: dict[str, Any] = {
        "steps_per_epoch": STEPS_PER_EPOCH,
        "batch_size": 1,
        "plan": plan,
        "task": "classification",
    }
    started = RunStarted.model_construct(**fields)
    state = RunState(run="", epochs=base.training.epochs, plan=plan, started=started)
    if plan is not None:
        state.lr = plan.rate(0)

    def draw(changed: LrPlan | None, width: int, height: int) -> ChartData:
        other = None if changed == plan else changed
        return chart_data(ChartKind.RATE, [state], 0, View(axis="epoch"), width, height, preview=other)

    return draw
