"""A rate set by hand in what a script saves itself: the state of its scheduler carries it into the next process.

scheduler.state_dict()         gets the plan in force, and the base rates that go on from it without a monitor
scheduler.load_state_dict()    leaves both in the scheduler, where the monitor of the next process finds them
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.engine.events.run_events import publish_schedule
from tui_trainer.engine.train_state import TrainState
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers, rate_of
from tui_trainer.monitor.services import ScriptServices
from tui_trainer.text import number

KEY = "tui_trainer"
"""The entry of a scheduler's state."""


def carry(state: TrainState, services: ScriptServices, begun: Callable[[], bool]) -> None:
    """Have the schedulers of a run carry the rate in force in what the script saves, and give it back when it loads.

    Args:
        begun: whether the run is described: what is loaded before that is taken when it begins.
    """

    def saved(own: dict[str, Any]) -> dict[str, Any]:
        entry = _entry(state, services)
        return own if entry is None else _with_entry(own, entry)

    def arrived(scheduler: Any) -> None:
        if begun() and take_carried(state, services, [scheduler]):
            publish_schedule(state, services)

    services.schedule.carry, services.schedule.arrived = saved, arrived


def _entry(state: TrainState, services: ScriptServices) -> dict[str, Any] | None:
    """Return what the script's own save has to carry; None while the rates are the script's own."""
    rates = services.optimizer
    if not rates.overlaid:
        return None
    own, present = rates.own_rates, rate_of(rates.groups[0])
    return {
        "plan": state.plan.model_dump_json(),
        "own": own,
        "step": state.step,
        "ratio": present / own[0] if own[0] > 0 else 1.0,
    }


def _with_entry(state: dict[str, Any], entry: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a scheduler with what it carries; its base rates go on from the rate in force."""
    scaled, own = _scaled(state, entry["ratio"])
    return {**scaled, KEY: {**entry, "base": own}}


def _scaled(state: dict[str, Any], ratio: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the state with its base rates multiplied, and those that it had; schedulers of schedulers too."""
    scaled, own = dict(state), dict[str, Any]()
    if isinstance(state.get("base_lrs"), list):
        own["base_lrs"] = list(state["base_lrs"])
        scaled["base_lrs"] = [rate * ratio for rate in state["base_lrs"]]
    parts = state.get("_schedulers")
    if isinstance(parts, (list, tuple)) and all(isinstance(part, dict) for part in parts):
        pairs = [_scaled(part, ratio) for part in parts]
        scaled["_schedulers"], own["parts"] = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return scaled, own


def take_own(scheduler: Any, rates: ScriptOptimizers) -> dict[str, Any] | None:
    """Give scheduler and optimizers the script's own rates again. Returns the entry of the save; None without one."""
    entry = vars(scheduler).pop(KEY, None) if hasattr(scheduler, "__dict__") else None
    if not isinstance(entry, dict) or not isinstance(entry.get("own"), list):
        return None
    _put_back(scheduler, entry.get("base"))
    if len(entry["own"]) == len(rates.groups):
        rates.load_own_rates(entry["own"])
    return entry


def _put_back(scheduler: Any, own: Any) -> None:
    if not isinstance(own, dict):
        return
    if isinstance(own.get("base_lrs"), list) and hasattr(scheduler, "base_lrs"):
        scheduler.base_lrs = list(own["base_lrs"])
    parts: Sequence[Any] = getattr(scheduler, "_schedulers", ())
    for part, base in zip(parts, own.get("parts", ()), strict=False):
        _put_back(part, base)


def take_carried(state: TrainState, services: ScriptServices, schedulers: Sequence[Any]) -> bool:
    """Go on with the rate set by hand that schedulers carry. Returns whether they carried one."""
    taken = False
    for scheduler in schedulers:
        rates = services.optimizer
        if rates.overlaid and KEY in vars(scheduler):
            rates.overlay(on=False)
        entry = take_own(scheduler, rates)
        if entry is None:
            continue
        try:
            plan = LrPlan.model_validate_json(entry["plan"])
            shift = state.step - int(entry["step"])
        except (ValidationError, KeyError, TypeError, ValueError):
            continue
        moved = {name: getattr(plan, name) + shift for name in ("origin", "anchor_step", "end")}
        services.curve.restart(rates.own_rate)
        state.plan = services.sampled(plan.model_copy(update=moved if shift else {}))
        state.lr = state.plan.rate(state.step, services.early_stopper.watched)
        rates.set_lr(state.lr)
        told = f"the learning rate set by hand goes on from the script's own save: {number(state.lr)}"
        services.events.log(told, state.step)
        taken = True
    return taken
