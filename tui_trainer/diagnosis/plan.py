"""The learning rate that the plan itself explains: warm-up, decay, and the part still to come."""

from __future__ import annotations

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.diagnosis.history import History

LOW = 0.5
"""Share of the plan's highest rate below which a low rate is as planned."""
NEARLY_ZERO = 0.25
"""Share of the plan's highest rate below which a flat loss is as planned."""
_SAMPLES = 32


def planned_share(history: History) -> float:
    """Return the rate that the schedule plans now, as a share of its highest one; 1 if there is no plan.

    Manual changes do not count: a rate that the user lowered is not lowered by the plan.
    """
    plan = history.plan
    if plan is None or plan.scheduler.watches or plan.scheduler.kind == "import":
        if not history.epochs:
            return 1.0
        highest = history.epochs.highest_lr
        return history.epochs.last.lr / highest if highest > 0 else 1.0
    if plan.held is not None:
        return 1.0
    peak = _peak(plan)
    return plan.shape(history.step) / peak if peak > 0 else 1.0


def lowers_itself(history: History) -> bool:
    """Return whether the plan still lowers the rate to less than half of the present one."""
    plan = history.plan
    if plan is None or plan.scheduler.watches or plan.scheduler.kind == "import" or plan.held is not None:
        return False
    return plan.shape(max(plan.end - 1, history.step)) < LOW * plan.shape(history.step)


def _peak(plan: LrPlan) -> float:
    length = max(plan.end - plan.origin, 1)
    return max(plan.shape(plan.origin + length * index // _SAMPLES) for index in range(_SAMPLES + 1))
