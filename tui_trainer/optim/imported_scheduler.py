"""Sample a scheduler of the user's own into a curve, by stepping it with a placeholder optimizer."""

from __future__ import annotations

import math
import warnings
from array import array
from functools import lru_cache

import torch

from tui_trainer.components.schedulers.base import SampledCurve
from tui_trainer.components.schedulers.builtin import ImportedScheduler
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.data.user_code import called
from tui_trainer.errors import UserError


def sampled_plan(plan: LrPlan) -> LrPlan:
    """Return the plan with the sampled curve of its scheduler; plans of other schedulers are returned unchanged.

    The curve covers the planned length of the run. It is a function of the plan alone, so the learning rates are the
    same after a resume or an undo, and in a replay.

    Raises:
        UserError: the scheduler cannot be imported or built, or it fails within the length for which it was planned.
    """
    scheduler = plan.scheduler
    if not isinstance(scheduler, ImportedScheduler):
        return plan
    planned = _calls(plan, plan.end - 1 if plan.lengths else plan.origin + plan.length - 1)
    curve = sample(scheduler, plan.base, planned, max(planned, _calls(plan, plan.end)))
    return plan if curve is plan.sampled_curve else plan.with_curve(curve)


def _calls(plan: LrPlan, step: int) -> int:
    """Return how often the scheduler's `step` has been called at a step of the run."""
    warmup = plan.scheduler.warmup_steps(plan.length)
    if getattr(plan.scheduler, "per", "step") == "step":
        passed = int(plan.position(step)) if plan.lengths else step - plan.origin
        return max(passed - warmup, 0)
    ended = plan.epochs_ended(step) - plan.epochs_ended(plan.origin)
    return max(ended - warmup // plan.own_steps_per_epoch, 0)


@lru_cache(maxsize=16)
def sample(scheduler: ImportedScheduler, base: float, planned: int, total: int) -> SampledCurve:
    """Step the scheduler `total` times and return its learning rates, from before the first call to after the last.

    Args:
        scheduler: the import path and its arguments.
        base: the learning rate of the placeholder optimizer.
        planned: number of calls that must succeed.
        total: number of calls; if one after `planned` fails, as when torch's `OneCycleLR` is stepped past its end, the
            last learning rate holds.

    Raises:
        UserError: the scheduler cannot be imported or built, or it fails in the first `planned` calls.
    """
    key = f"scheduler.path = {scheduler.path!r}"
    # The user's code must not advance the generators of the run, and its result must not depend on them.
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base, momentum=0.9)
        stepped = called(scheduler.path, "scheduler.path", optimizer, **scheduler.arguments)
        if not callable(getattr(stepped, "step", None)):
            raise UserError(f"{key}: returned {type(stepped).__name__}; it must return a torch scheduler")
        optimizer.step()  # torch expects one before the first step of a scheduler
        rates = array("d")
        for count in range(total + 1):
            try:
                if count:
                    stepped.step()
                rate = float(optimizer.param_groups[0]["lr"])
                if not math.isfinite(rate) or rate < 0:
                    raise ValueError(f"the learning rate is {rate}")
            except Exception as error:  # noqa: BLE001 - code of the user's own may fail in any way
                if count > planned:
                    break
                raise UserError(
                    f"{key}: failed at call {count} of step(), and the run needs {planned}: "
                    f"{type(error).__name__}: {error}"
                ) from None
            rates.append(rate)
    return SampledCurve(range(len(rates)), rates)
