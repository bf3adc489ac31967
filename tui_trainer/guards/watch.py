"""A rule at work: it takes in measurements and says when it fires, in a live run and in a dry run alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui_trainer.guards.condition_state import state_of
from tui_trainer.guards.rule import MAX_SKIPS_IN_A_ROW, Condition, GuardRule
from tui_trainer.guards.vocabulary import Clock


@dataclass(frozen=True, slots=True)
class Measurements:
    """Everything that is known after a step, or at the end of an epoch.

    Attributes:
        at: after a step, or after an epoch.
        step: optimizer steps taken.
        epoch: epochs completed.
        values: the values measured there, by the name of the series; NaN and infinity too.
        findings: the findings of the diagnosis, at the end of an epoch.
    """

    at: Clock
    step: int
    epoch: int
    values: Mapping[str, float]
    findings: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Firing:
    """The moment at which a rule acts.

    Attributes:
        step: optimizer steps taken.
        evidence: the numbers that made it act.
        resort: stop or pause, where its times are used up; empty for its own actions.
    """

    step: int
    evidence: str
    resort: str = ""


class ConditionWatch:
    """Conditions that are joined with `and`: all of them hold after the newest measurement that concerns any."""

    def __init__(self, conditions: Sequence[Condition]) -> None:
        self._states = [state_of(condition) for condition in conditions]

    def take(self, measured: Measurements) -> bool:
        """Take in measurements. Returns whether all conditions hold, and one of them was measured now."""
        values = {**measured.values, "step": measured.step, "epoch": measured.epoch}
        concerned = False
        for state in self._states:
            concerned |= state.take(measured.at, values, measured.findings)
        return concerned and all(state.holds for state in self._states)

    @property
    def evidence(self) -> str:
        """The newest numbers of the conditions, in words."""
        said = dict.fromkeys(state.said for state in self._states if state.said)
        return ", ".join(text for text in said if not any(other.startswith(f"{text},") for other in said))

    def fired(self) -> None:
        """Begin again after a firing."""
        for state in self._states:
            state.fired()

    def state_dict(self) -> list[dict[str, Any]]:
        """Return what the conditions have seen, for JSON."""
        return [state.state_dict() for state in self._states]

    def load_state_dict(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Continue from what `state_dict` returned."""
        for state, saved in zip(self._states, states, strict=True):
            state.load_state_dict(saved)


class Watch:
    """A rule with its firings so far."""

    def __init__(self, rule: GuardRule) -> None:
        self.rule = rule
        self.fired = 0
        """Firings, without a last resort."""
        self.spent = False
        """Whether its times are used up, and it has said so."""
        self._conditions = ConditionWatch(rule.conditions)
        self._last: tuple[int, int] | None = None
        """Step and epoch of the last firing."""
        self._row = 0

    @property
    def times_left(self) -> int | None:
        """Firings that are left; None without a limit."""
        return None if self.rule.most is None else max(self.rule.most - self.fired, 0)

    def take(self, measured: Measurements) -> Firing | None:
        """Take in measurements. Returns the firing that they cause, None for none."""
        holds = self._conditions.take(measured)
        if not holds or self.spent or self._rests(measured):
            self._row = 0 if measured.at == "steps" else self._row
            return None
        evidence = self._conditions.evidence
        self._last = measured.step, measured.epoch
        self._row += 1
        used_up = self.times_left == 0
        if used_up or (self.rule.skips and self._row > MAX_SKIPS_IN_A_ROW):
            self.spent = True
            reason = f"{self.fired} firings used up" if used_up else f"{MAX_SKIPS_IN_A_ROW} steps skipped in a row"
            resort = self.rule.last_resort
            return Firing(measured.step, f"{evidence}; {reason}", resort) if resort != "nothing" else None
        self.fired += 1
        self._conditions.fired()
        return Firing(measured.step, evidence)

    def _rests(self, measured: Measurements) -> bool:
        if self._last is None:
            return False
        rest, clock = self.rule.resting
        if clock == "epochs":
            return measured.epoch < self._last[1] + rest
        return measured.step < self._last[0] + rest

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the rule, for JSON."""
        return {
            "fired": self.fired,
            "spent": self.spent,
            "last": list(self._last) if self._last is not None else None,
            "row": self._row,
            "conditions": self._conditions.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.fired, self.spent = int(state["fired"]), bool(state["spent"])
        last = state["last"]
        self._last = (int(last[0]), int(last[1])) if last is not None else None
        self._row = int(state["row"])
        self._conditions.load_state_dict(state["conditions"])
