"""Declarations of a script while it trains: the place where it clips, its knobs and its actions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor

from tui_trainer.engine.steps.clipping import clip_gradients
from tui_trainer.monitor.parts.optimizers import ScriptOptimizers
from tui_trainer.monitor.script_run import ScriptRun


def clip(run: ScriptRun, parameters: Any, max_norm: float | None) -> Any:
    """Clip gradients at the norm in force, and record the norm before."""
    services, state = run.services, run.state
    if not services.clips:
        services.clips = True
        if max_norm and not state.clip:
            state.clip = float(max_norm)
        services.first_clip, services.script_clip = state.clip, float(max_norm or 0.0)
        run.tell_capabilities()
    if not state.clip:
        return None
    several: list[Any] = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    norm = clip_gradients(several, state.clip)
    services.recorder.add_norm(state.step + 1, norm)
    services.clipped_norm = norm
    return norm


def declare_knob(
    run: ScriptRun, name: str, target: Any, attribute: str, get: Any, put: Any, group: str, bounds: dict[str, Any]
) -> None:
    """Declare a knob, by functions, by an attribute of an object, or by a setting of the parameter groups.

    Raises:
        ValueError: it cannot be one.
    """
    if target is not None and attribute:
        get, put = partial(getattr, target, attribute), partial(setattr, target, attribute)
    elif group:
        optimizer = run.services.optimizer
        if not optimizer.groups or any(group not in each for each in optimizer.groups):
            raise ValueError(f"knob {name!r}: the parameter groups have no setting {group!r}")
        get, put = (lambda: optimizer.groups[0][group]), partial(_set_groups, optimizer, group)
    if get is None or put is None:
        raise ValueError(f"knob {name!r}: give get= and set=, an object and the name of its attribute, or group=")
    run.services.controls.knob(name, get, put, **bounds)
    if run.resumed is not None and name in run.resumed.tree["knobs"]:
        run.services.controls.load({name: run.resumed.tree["knobs"][name]})
    run.tell_capabilities()


def declare_action(run: ScriptRun, name: str, function: Callable[[], Any]) -> None:
    """Declare an action. Raises `ValueError` if it cannot be one."""
    run.services.controls.action(name, function)
    run.tell_capabilities()


def _set_groups(optimizer: ScriptOptimizers, setting: str, value: Any) -> None:
    for group in optimizer.groups:
        group[setting] = value
