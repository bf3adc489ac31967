"""Describe the guards of a run, and what happened to one of them."""

from __future__ import annotations

from tui_trainer.protocol.commands import RemoveGuard, SetGuard, ShowGuards
from tui_trainer.protocol.guards.events import GuardsChanged, GuardState


def guard_line(guard: GuardState) -> str:
    """Describe a guard in one line: its name, its rule, and how it stands."""
    return f"{guard.name}: {guard.rule} ({guard_standing(guard)})"


def guard_standing(guard: GuardState) -> str:
    """Describe how a guard stands: armed or off, its firings, and the copies that it keeps."""
    parts = ["armed" if guard.on else f"off: {guard.why_off}" if guard.why_off else "off"]
    if guard.fired:
        last = f", last at step {guard.last:,}" if guard.last is not None else ""
        parts.append(f"fired {guard.fired} time{'s' if guard.fired != 1 else ''}{last}")
    if guard.left is not None and guard.on:
        parts.append(f"{guard.left} left")
    if guard.bytes and guard.on:
        parts.append(f"copies of {guard.bytes / 1e6:,.1f} MB")
    return ", ".join(parts)


def describe_guards(event: GuardsChanged) -> str | None:
    """Describe what changed, in one line; for a question all guards."""
    match event.cause:
        case ShowGuards():
            return "; ".join(guard_line(guard) for guard in event.guards) or "no guards"
        case SetGuard(name=name):
            guard = next((one for one in event.guards if one.name == name), event.guards[-1] if event.guards else None)
            return f"guard {guard_line(guard)}" if guard is not None else "no guards"
        case RemoveGuard(name=name):
            return f"guard {name} removed"
        case _:
            pass
    # The commands of a firing say the rule and its evidence.
    return f"guard {event.disarmed} is off: its firing was undone" if event.disarmed else None
