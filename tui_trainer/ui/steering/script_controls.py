"""The rows of the steer panel for the controls that a loop declares: a training script, or the built-in one."""

from __future__ import annotations

import math
from dataclasses import replace

from tui_trainer.protocol.commands import SetKnob
from tui_trainer.protocol.knobs import Knob, KnobValue
from tui_trainer.state.run_state import RunState
from tui_trainer.text import exact, number, visible
from tui_trainer.ui.availability import ActionContext, refused_reason
from tui_trainer.ui.steering.controls import PanelRow

CLIP = "clip"
"""The knob of the built-in loop that has a row of its own in the panel."""
KNOB, ACTION, OWN_RATE, RATE_OF = "knob:", "action:", "own-rate", "rate-of:"
"""The answers of the panel that mean a knob, an action, the rate that the script itself sets, and the rate of one of
several optimizers."""


def script_rows(state: RunState, context: ActionContext) -> list[PanelRow]:
    """Return a row for each knob and action of the loop, and for a script one that gives the rate back to it."""
    capabilities = state.capabilities
    if capabilities is None:
        return []
    reason = refused_reason("SetKnob", context) or ""
    rows = [
        PanelRow(f"{KNOB}{knob.name}", "", "", visible(knob.name), _value(knob, state), reason or knob.refused)
        for knob in capabilities.knobs
        if not (capabilities.built_in and knob.name == CLIP)
    ]
    if capabilities.built_in:
        return [replace(row, section="knobs" if not index else "") for index, row in enumerate(rows)]
    reason = refused_reason("RunAction", context) or ""
    rows += [PanelRow(f"{ACTION}{name}", "", "", visible(name), "run now", reason) for name in capabilities.actions]
    reason = refused_reason("SetLearningRate", context) or ""
    rows += [
        PanelRow(f"{RATE_OF}{name}", "", "", f"rate {visible(name)}", number(optimizer_rate(state, name)), reason)
        for name in capabilities.scales
    ]
    if "SetScheduler" not in capabilities.refused:
        reason = refused_reason("SetScheduler", context) or ""
        own = state.plan is not None and state.plan.scheduler.kind == "script" and not state.plan.is_changed
        own = own and all(scale == 1.0 for scale in capabilities.scales.values())
        kept = "the rate is the script's own" if own else ""
        rows.append(PanelRow(OWN_RATE, "", "", "own rate", "give the rate back to the script", reason or kept))
    return [replace(row, section="script" if not index else "") for index, row in enumerate(rows)]


def _value(knob: Knob, state: RunState) -> str:
    bounds = ", ".join(knob.choices) if knob.choices else knob.bounds()
    if knob.refused:
        return "-"
    value = knob.shown(state.knobs.get(knob.name, knob.value))
    return f"{value}  ({bounds})" if bounds else value


def optimizer_rate(state: RunState, name: str) -> float | None:
    """Return the rate of one of several optimizers at the last step; None where it was not recorded yet."""
    series = state.series.get(f"lr/{name}")
    return series.last if series is not None else None


def knob_of(state: RunState, name: str) -> Knob | None:
    """Return a knob of the script with its present value; None where there is none."""
    for knob in state.capabilities.knobs if state.capabilities is not None else ():
        if knob.name == name:
            return knob.model_copy(update={"value": state.knobs.get(name, knob.value)})
    return None


def typed_value(knob: Knob, text: str) -> KnobValue:
    """Parse the value that was typed for a knob; a number also as x2 or /10 of the present one.

    Raises:
        ValueError: the text is none, or a value that is not allowed.
    """
    text = text.strip()
    value: KnobValue
    if knob.choices:
        value = text
    elif isinstance(knob.value, bool):
        if text.lower() not in ("on", "true", "yes", "off", "false", "no"):
            raise ValueError("on or off")
        value = text.lower() in ("on", "true", "yes")
    else:
        try:
            if text[:1] in ("x", "*", "×", "/", "÷") and isinstance(knob.value, (int, float)):
                factor = float(text[1:])
                value = knob.value / factor if text[0] in "/÷" else knob.value * factor
            else:
                value = float(text)
        except (ValueError, ZeroDivisionError):
            raise ValueError("not a number") from None
        if not math.isfinite(value):
            raise ValueError("not a finite number")
    problem = knob.problem(value)
    if problem:
        raise ValueError(problem)
    return value


def knob_command(knob: Knob, text: str) -> SetKnob:
    """Return the command that sets a knob to what was typed. Raises `ValueError`, as `typed_value` does."""
    return SetKnob(name=knob.name, value=typed_value(knob, text))


def knob_text(knob: Knob) -> str:
    """Return the present value as it is typed."""
    if isinstance(knob.value, bool):
        return "on" if knob.value else "off"
    return knob.value if isinstance(knob.value, str) else exact(knob.value)
