"""Diagnose a run from its events: report findings that become active or are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter

from tui_trainer.diagnosis.findings import AT_ONCE, EPOCHS_HELD, Finding
from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.reducer import follow
from tui_trainer.diagnosis.rules import holding
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import Redo, Undo, is_intervention

REMEMBERED = 64
"""Number of newest interventions to which an undo can go back."""
TOLD_AGAIN = 10
"""Epochs after which a finding that still holds is reported again, with newer evidence."""


@dataclass(frozen=True, slots=True)
class DiagnosisState:
    """The state of a diagnosis.

    Attributes:
        history: the input of the rules.
        held: number of consecutive epochs for which each finding has held.
        missed: number of consecutive epochs for which each active finding has not held.
        active: the findings that have been reported and not resolved, as last reported.
    """

    history: History = field(default_factory=History)
    held: Mapping[str, int] = field(default_factory=dict[str, int])
    missed: Mapping[str, int] = field(default_factory=dict[str, int])
    active: Mapping[str, ev.Diagnosed] = field(default_factory=dict[str, ev.Diagnosed])


_COURSE: TypeAdapter[DiagnosisState] = TypeAdapter(DiagnosisState)


class DiagnosisMonitor:
    """The diagnosis of one run. The same events give the same findings, live and from a journal."""

    def __init__(self) -> None:
        self.course = DiagnosisState()
        self._before: list[tuple[str, DiagnosisState]] = []
        """The state before each intervention, by the id of its command, for an undo."""
        self._undone: list[tuple[DiagnosisState, list[tuple[str, DiagnosisState]]]] = []
        """The state at each undo with what it removed from `_before`, for a redo."""

    def take(self, event: ev.AnyEvent) -> list[ev.Diagnosed]:
        """Reduce one event and return the findings to report."""
        cause = event.cause
        if isinstance(event, ev.RolledBack) and event.restored is not None:
            if event.restored.redone:
                return self._redo(event.step)
            return self._undo(event.restored.undid, event.step)
        if cause is not None and not isinstance(event, ev.Refused) and not isinstance(cause, Undo | Redo):
            self._remember(cause.id)
            if is_intervention(cause):
                self._undone.clear()
        history = follow(self.course.history, event)
        if history is self.course.history:
            return []
        self.course = replace(self.course, history=history)
        match event:
            case ev.EpochEnded():
                return self._judge(event.step, event.epoch)
            case ev.LossBroke() | ev.RunFinished():
                epoch = len(history.epochs) + (history.under_way.count > 0)
                return self._judge(event.step, max(epoch, 1), between_epochs=True)
            case ev.RunStarted(step=0):
                self.course = DiagnosisState(history)
            case _:
                pass
        return []

    def _remember(self, command: str) -> None:
        if not (command and self._before and self._before[-1][0] == command):
            self._before = [*self._before, (command, self.course)][-REMEMBERED:]

    def _judge(self, step: int, epoch: int, *, between_epochs: bool = False) -> list[ev.Diagnosed]:
        found = holding(self.course.history)
        if between_epochs:
            # Findings that must hold for several epochs are only decided at the end of an epoch.
            found = {name: finding for name, finding in found.items() if name in AT_ONCE or name in self.course.active}
            held = dict(self.course.held)
        else:
            held = {name: self.course.held.get(name, 0) + 1 for name in found}
        said: list[ev.Diagnosed] = []
        active = dict(self.course.active)
        for name, finding in found.items():
            if name not in AT_ONCE and held.get(name, 0) < EPOCHS_HELD:
                continue
            known = active.get(name)
            newer = held.get(name, 0) % TOLD_AGAIN == 0 or between_epochs
            if known is None or newer or known.severity != finding.severity:
                active[name] = _event(finding, step, epoch, known)
                said.append(active[name])
        missed = self.course.missed
        if not between_epochs:
            missed = {name: self.course.missed.get(name, 0) + 1 for name in active if name not in found}
            for name in [name for name, epochs in missed.items() if name in AT_ONCE or epochs >= EPOCHS_HELD]:
                said.append(_resolved(active.pop(name), step))
                missed.pop(name)
        self.course = replace(self.course, held=held, missed=missed, active=active)
        return said

    def _undo(self, undid: str, step: int) -> list[ev.Diagnosed]:
        """Restore the state before an intervention, and correct the findings reported since."""
        indices = [index for index, (name, _) in enumerate(self._before) if name == undid]
        first = indices[-1] if indices else len(self._before)
        self._undone = [*self._undone[-REMEMBERED:], (self.course, self._before[first:])]
        if not indices:
            return []
        course = self._before[first][1]
        del self._before[first:]
        return self._go_to(course, step)

    def _redo(self, step: int) -> list[ev.Diagnosed]:
        """Restore the state at the last undo, and correct the findings reported since."""
        if not self._undone:
            return []
        course, before = self._undone.pop()
        self._before = [*self._before, *before][-REMEMBERED:]
        return self._go_to(course, step)

    def _go_to(self, course: DiagnosisState, step: int) -> list[ev.Diagnosed]:
        """Restore a state, and return what corrects the findings reported before."""
        abandoned, self.course = self.course.active, course
        now = self.course.active
        gone = [_resolved(finding, step) for name, finding in abandoned.items() if name not in now]
        return gone + [event.model_copy(update={"step": step}) for name, event in now.items() if name not in abandoned]

    def standing(self) -> list[ev.Diagnosed]:
        """Return the active findings by priority, with current evidence; the first is the headline."""
        found = holding(self.course.history)
        fresh: list[ev.Diagnosed] = []
        for name, said in self.course.active.items():
            finding = next((finding for finding in found.values() if finding.name == name), None)
            fresh.append(said if finding is None else _event(finding, self.course.history.step, said.epoch, said))
        return sorted(fresh, key=lambda said: said.rank)

    def dump(self) -> dict[str, Any]:
        """Return the state of the diagnosis for a checkpoint."""
        return _COURSE.dump_python(self.course, mode="json")

    def load(self, dumped: dict[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self.course = _COURSE.validate_python(dumped)


def _resolved(said: ev.Diagnosed, step: int) -> ev.Diagnosed:
    return said.model_copy(update={"active": False, "again": False, "step": step})


def _event(finding: Finding, step: int, epoch: int, known: ev.Diagnosed | None) -> ev.Diagnosed:
    return ev.Diagnosed(
        step=step,
        finding=finding.name,
        severity=finding.severity,
        again=known is not None and known.severity == finding.severity,
        rank=finding.place,
        epoch=epoch if known is None else known.epoch,
        evidence=finding.evidence,
        numbers=dict(finding.numbers),
        advice=finding.advice,
        key=finding.key,
    )
