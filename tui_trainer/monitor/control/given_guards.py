"""The guards that a script hands to its monitor, and those of `watch --guard`."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.config.guards.preset_guard import MAX_GUARDS
from tui_trainer.engine.guarding.firing import keep_copies
from tui_trainer.engine.guarding.guard_commands import check_rule
from tui_trainer.engine.train_state import TrainState
from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.guards.rule import GuardRule
from tui_trainer.monitor.services import ScriptServices
from tui_trainer.protocol import events as ev


def rules_of(given: str | Sequence[str]) -> list[GuardRule]:
    """Return rules as they are parsed. Raises `ValueError` for one that is none."""
    texts = [given] if isinstance(given, str) else list(given)
    if len(texts) > MAX_GUARDS:
        raise ValueError(f"Monitor: {len(texts)} guards; give at most {MAX_GUARDS}")
    rules: list[GuardRule] = []
    for index, text in enumerate(texts):
        try:
            rules.append(parse_rule(text))
        except UserError as error:
            raise ValueError(f"Monitor: guards[{index}]: {text!r}: {error}") from None
    return rules


def arm(state: TrainState, services: ScriptServices, rules: Sequence[GuardRule]) -> list[str]:
    """Arm rules that are not armed yet, and publish what is armed. Returns the problems of those that cannot work."""
    problems: list[str] = []
    known = {str(guard.rule) for guard in state.guards}
    for rule in rules:
        if str(rule) in known:
            continue
        try:
            if reason := services.refused.get("SetGuard"):
                raise UserError(reason)
            check_rule(rule, services)
            state.guards.set(rule)
        except UserError as error:
            problems.append(f"guard {str(rule)!r} is not armed: {error}")
    if len(state.guards):
        keep_copies(state, services)
        services.events.publish(ev.GuardsChanged(guards=state.guards.states, step=state.step))
    return problems
