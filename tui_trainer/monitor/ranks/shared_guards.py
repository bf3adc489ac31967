"""Guards of a run on several ranks: all of them look at the same numbers, and so act at the same step.

after a step           the numbers that guards compare are exchanged, and combined as they are recorded
before a step          the same with the numbers so far, where a guard may take the gradients away
at the end of an epoch those of rank 0, which alone has a diagnosis, ride with the next beat
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from tui_trainer.engine.guarding.firing import after_step, epoch_measurements, look_at_epoch
from tui_trainer.engine.monitoring.step_log import Scalar
from tui_trainer.engine.train_state import TrainState
from tui_trainer.guards.watch import Measurements
from tui_trainer.monitor.ranks.shared_values import Row, SharedValues, mean_of
from tui_trainer.monitor.ranks.store_channel import Parted
from tui_trainer.monitor.ranks.together import Together
from tui_trainer.monitor.services import ScriptServices
from tui_trainer.protocol import events as ev

APART = "the ranks do not meet any more, and each would act by its own numbers"
AFTER, BEFORE = b"s", b"g"
"""Kinds of messages: the numbers of a step that was taken, and of one whose gradients are there."""


class SharedGuards:
    """The guards of one rank.

    Args:
        state, services: those of the run.
        values: the values of this rank.
        together: the other ranks.
        part: called with the reason where the ranks cannot meet any more.
    """

    def __init__(
        self,
        state: TrainState,
        services: ScriptServices,
        values: SharedValues,
        together: Together,
        part: Callable[[str], None],
    ) -> None:
        self._state, self._services, self._values, self._together = state, services, values, together
        self._part = part

    def after_step(self, row: Row, norm: float | None) -> None:
        """Let the guards look at the step just taken.

        Args:
            norm: the norm of its gradients, where it was measured.
        """
        numbers = row.numbers if norm is None else {"grad_norm": norm, **row.numbers}
        names = self._state.guards.names
        mine = {name: numbers[name] for name in names if name in numbers}
        agreed = self._agreed(AFTER, self._state.step, mine, row.weights)
        if agreed is not None:
            after_step(self._state, self._services, agreed)

    def before_step(self, values: Mapping[str, float]) -> dict[str, float] | None:
        """Return the numbers of all ranks before a step, by which each decides to skip it; None where they parted."""
        return self._agreed(BEFORE, self._state.step + 1, values, self._values.weights)

    def _agreed(
        self, kind: bytes, step: int, values: Mapping[str, Scalar], weights: Mapping[str, float]
    ) -> dict[str, float] | None:
        if self._together.parted:
            return None
        try:
            return self._combined(kind, step, values, weights)
        except Parted as parted:
            self._part(str(parted))
            return None

    def _combined(
        self, kind: bytes, step: int, values: Mapping[str, Scalar], weights: Mapping[str, float]
    ) -> dict[str, float]:
        kinds = self._values.kinds
        mine = {name: [float(value), weights.get(name, 1.0), kinds.get(name, "")] for name, value in values.items()}
        rows = self._together.exchange(kind, [step, mine])
        for rank, (other, _) in enumerate(rows):
            if other != rows[0][0]:
                raise Parted(f"uneven steps: rank 0 stands at step {rows[0][0]:,}, rank {rank} at {other:,}")
        found: dict[str, float] = {}
        for name in dict.fromkeys(name for _, told in rows for name in told):
            present = [told[name] for _, told in rows if name in told]
            reduce = next((kind for _, _, kind in present if kind), "mean")
            pairs = [(value, weight) for value, weight, _ in present]
            found[name] = (
                sum(value for value, _ in pairs)
                if reduce == "sum"
                else pairs[0][0]
                if reduce == "last"
                else mean_of(pairs)
            )
        return found

    def epoch_ended(self, event: ev.AnyEvent) -> str:
        """Return what rank 0 measured in an epoch, for all ranks to look at; empty where no guard asks for it."""
        measured = epoch_measurements(self._state, self._services, event)
        if measured is None:
            return ""
        found = sorted(measured.findings or ())
        return json.dumps([measured.step, measured.epoch, dict(measured.values), found])

    def look_at_epoch(self, told: str) -> None:
        """Let the guards look at what `epoch_ended` returned on rank 0."""
        step, epoch, values, findings = json.loads(told)
        look_at_epoch(self._state, self._services, Measurements("epochs", step, epoch, values, frozenset(findings)))

    def switch_off(self) -> None:
        """Switch all guards off: the ranks do not meet any more."""
        armed = [guard for guard in self._state.guards if guard.on]
        for guard in armed:
            self._state.guards.switch(guard, on=False, why=APART)
        if armed:
            self._services.events.publish(ev.GuardsChanged(guards=self._state.guards.states, step=self._state.step))
