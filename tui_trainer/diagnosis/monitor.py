"""Diagnose a run from its events: report findings once they have held, and withdraw them once they are gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from tui_trainer.diagnosis.findings import AT_THE_END, QUICK, Finding, Name
from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.hysteresis import Streak, Withdrawn, epochs_after, epochs_before, refuted
from tui_trainer.diagnosis.interventions import Change
from tui_trainer.diagnosis.reducer import follow
from tui_trainer.diagnosis.report import diagnosed, resolved
from tui_trainer.diagnosis.rules import holding
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import (
    FindRate,
    Redo,
    RemoveGuard,
    SetGuard,
    ShowAnswers,
    ShowGuards,
    TakeRace,
    TryStep,
    Undo,
    is_intervention,
)

REMEMBERED = 64
"""Number of newest interventions to which an undo can go back."""
_APART = Undo | Redo | ShowAnswers | FindRate | SetGuard | RemoveGuard | ShowGuards | TakeRace | TryStep
"""Commands that do not change the training, and those that go back to a state that is remembered."""
TOLD_AGAIN = 10
"""Epochs after which a finding that still holds is reported again, with newer evidence."""


@dataclass(frozen=True, slots=True)
class DiagnosisState:
    """The state of a diagnosis.

    Attributes:
        history: the input of the rules.
        streaks: the consecutive epochs for which each finding has held.
        missed: number of consecutive epochs for which each active finding has not held.
        active: the findings that have been reported and not withdrawn, as last reported.
        withdrawn: the findings that were withdrawn, and when.
    """

    history: History = field(default_factory=History)
    streaks: Mapping[str, Streak] = field(default_factory=dict[str, Streak])
    missed: Mapping[str, int] = field(default_factory=dict[str, int])
    active: Mapping[str, ev.Diagnosed] = field(default_factory=dict[str, ev.Diagnosed])
    withdrawn: Mapping[str, Withdrawn] = field(default_factory=dict[str, Withdrawn])


@cache
def _course() -> TypeAdapter[DiagnosisState]:
    """Return the schema of a saved diagnosis; building it takes as long as importing all of the rules."""
    return TypeAdapter(DiagnosisState)


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
        apart = isinstance(event, ev.Refused) or isinstance(cause, _APART)
        if cause is not None and not apart:
            self._remember(cause.id)
            if is_intervention(cause):
                self._undone.clear()
        history = follow(self.course.history, event)
        if history is self.course.history:
            return []
        acted = history.interventions is not self.course.history.interventions
        self.course = replace(self.course, history=history)
        if acted and history.interventions:
            return self._settle(history.interventions[-1], event.step)
        match event:
            case ev.EpochEnded():
                return self._judge_epoch(event.step, event.epoch)
            case ev.LossBroke() | ev.RunFinished():
                epoch = len(history.epochs) + (history.under_way.count > 0)
                return self._judge_end(event.step, max(epoch, 1), broke=history.broken is not None)
            case ev.RunStarted(step=0):
                self.course = DiagnosisState(history)
            case _:
                pass
        return []

    def _remember(self, command: str) -> None:
        if not (command and self._before and self._before[-1][0] == command):
            self._before = [*self._before, (command, self.course)][-REMEMBERED:]

    def _settle(self, made: Change, step: int) -> list[ev.Diagnosed]:
        """Withdraw what an intervention makes out of date, and let every finding return: the run is another one."""
        gone = [self._withdraw(name, step) for name in list(self.course.active) if made.settles(name)]
        streaks = {name: streak for name, streak in self.course.streaks.items() if not made.settles(name)}
        self.course = replace(self.course, streaks=streaks, withdrawn={})
        return gone

    def _judge_epoch(self, step: int, epoch: int) -> list[ev.Diagnosed]:
        course, found = self.course, holding(self.course.history)
        since = course.history.epochs.back(1).step if len(course.history.epochs) > 1 else 0
        streaks = {name: _longer(course.streaks.get(name), since, step) for name in found}
        self.course = course = replace(course, streaks=streaks)
        planned = course.history.planned
        said: list[ev.Diagnosed] = []
        for name, finding in found.items():
            known, streak = course.active.get(name), streaks[name]
            if known is None and not self._is_due(finding, streak, planned):
                continue
            if known is None or streak.epochs % TOLD_AGAIN == 0 or known.severity != finding.severity:
                said.append(self._report(finding, step, epoch))
        missed = {name: course.missed.get(name, 0) + 1 for name in self.course.active if name not in found}
        gone = [
            name
            for name, epochs in missed.items()
            if epochs >= epochs_after(name, planned) or refuted(name, course.history)
        ]
        self.course = replace(self.course, missed=missed)
        return said + [self._withdraw(name, step) for name in gone]

    def _is_due(self, finding: Finding, streak: Streak, planned: int) -> bool:
        if streak.epochs < epochs_before(finding.name, planned) and not finding.urgent:
            return False
        left = self.course.withdrawn.get(finding.name)
        return left is None or not left.keeps_away(len(self.course.history.epochs), finding.severity, planned)

    def _judge_end(self, step: int, epoch: int, *, broke: bool) -> list[ev.Diagnosed]:
        """Report what ended the run, the newest evidence of what is active, and what held for all of a short run.

        Other findings are only decided at the end of an epoch.
        """
        history = self.course.history
        said: list[ev.Diagnosed] = []
        for name, finding in holding(history).items():
            streak = self.course.streaks.get(name)
            always = streak is not None and streak.epochs >= len(history.epochs)
            if name in self.course.active or name in AT_THE_END or (name in QUICK and (broke or always)):
                said.append(self._report(finding, step, epoch))
        return said

    def _report(self, finding: Finding, step: int, epoch: int) -> ev.Diagnosed:
        course = self.course
        event = diagnosed(
            finding, course.history, course.streaks.get(finding.name), course.active, step=step, epoch=epoch
        )
        self.course = replace(course, active={**course.active, finding.name: event})
        return event

    def _withdraw(self, name: str, step: int) -> ev.Diagnosed:
        course = self.course
        active, missed = dict(course.active), dict(course.missed)
        event = resolved(active.pop(name), step)
        missed.pop(name, None)
        before = course.withdrawn.get(name)
        times = before.times + 1 if before is not None else 1
        left = Withdrawn(len(course.history.epochs), event.severity, times)
        self.course = replace(course, active=active, missed=missed, withdrawn={**course.withdrawn, name: left})
        return event

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
        gone = [resolved(finding, step) for name, finding in abandoned.items() if name not in now]
        return gone + [event.model_copy(update={"step": step}) for name, event in now.items() if name not in abandoned]

    def standing(self) -> list[ev.Diagnosed]:
        """Return the active findings by priority, with current evidence; the first is the headline."""
        course = self.course
        found: Mapping[Name, Finding] = holding(course.history)
        fresh: list[ev.Diagnosed] = []
        for name, said in course.active.items():
            finding = next((finding for finding in found.values() if finding.name == name), None)
            fresh.append(
                said
                if finding is None
                else diagnosed(
                    finding,
                    course.history,
                    course.streaks.get(name),
                    course.active,
                    step=course.history.step,
                    epoch=said.epoch,
                )
            )
        return sorted(fresh, key=lambda said: said.rank)

    def dump(self) -> dict[str, Any]:
        """Return the state of the diagnosis for a checkpoint."""
        return _course().dump_python(self.course, mode="json")

    def load(self, dumped: dict[str, Any]) -> None:
        """Restore the state that `dump` returned."""
        self.course = _course().validate_python(dumped)


def _longer(streak: Streak | None, since: int, step: int) -> Streak:
    return Streak(1, since, step, step) if streak is None else replace(streak, epochs=streak.epochs + 1, last=step)
