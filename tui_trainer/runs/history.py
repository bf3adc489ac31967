"""The history of one run, read from its journal: every measurement by step, and every intervention."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.components.schedulers.epoch_lengths import Lengths
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import (
    AnyCommand,
    Evaluate,
    FindRate,
    GiveWheel,
    Pause,
    Race,
    Redo,
    Resume,
    RollBack,
    ShowAnswers,
    ShowGuards,
    StepOnce,
    Stop,
    TakeRace,
    TakeWheel,
    TryStep,
    Undo,
    is_intervention,
)
from tui_trainer.runs.journal import read_events
from tui_trainer.state.series_names import LOADS, group_of

_NO_EFFECT = (
    Pause,
    Resume,
    StepOnce,
    ShowAnswers,
    ShowGuards,
    FindRate,
    Race,
    TakeRace,
    TryStep,
    TakeWheel,
    GiveWheel,
    Undo,
    Redo,
)
"""Commands that do not change the measurements. An undone command is removed from the history, and so is its undo; a
redo puts the command back. What was taken from a race is in the history as the commands that it stands for."""

TEST_PREFIX = "test_"
"""Prefix of the metrics of the test split."""

LENGTH = "the last step"
"""Stands for a metric where one of two histories has a step that the other lacks."""

STOP_ID_PREFIX = "settled-"
"""Prefix of the ids of commands that repeat what a stopped run did by itself: validate, restore its best weights."""


@dataclass(frozen=True, slots=True)
class _Undone:
    """Everything that an undo removed from a history.

    Attributes:
        step: the step that the run went back to; None for a stop.
        kept: number of interventions before the undone one.
        stop: the stop, with the event that it caused.
    """

    step: int | None
    kept: int = 0
    rows: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    summaries: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    seconds: dict[int, float] = field(default_factory=dict[int, float])
    interventions: list[tuple[int, AnyCommand]] = field(default_factory=list[tuple[int, AnyCommand]])
    events: list[ev.AnyEvent] = field(default_factory=list[ev.AnyEvent])
    stop: tuple[AnyCommand, ev.AnyEvent] | None = None


@dataclass(slots=True)
class RunHistory:
    """One run, without the branches that an undo removed.

    Attributes:
        rows: the metrics measured at each step; a non-finite value is NaN or an infinity.
        summaries: what else was measured at each step: means over an epoch, and statistics of layers.
        seconds: seconds of training at each step.
        interventions: (step, command), in the order in which they were applied.
        events: the event that each of these commands caused.
        started: the last `RunStarted`, None where training never began.
        finished: the `RunFinished` event, None where the run has not ended.
    """

    rows: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    summaries: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    seconds: dict[int, float] = field(default_factory=dict[int, float])
    interventions: list[tuple[int, AnyCommand]] = field(default_factory=list[tuple[int, AnyCommand]])
    events: list[ev.AnyEvent] = field(default_factory=list[ev.AnyEvent])
    started: ev.RunStarted | None = None
    finished: ev.RunFinished | None = None
    stop_events: list[ev.AnyEvent] = field(default_factory=list[ev.AnyEvent])
    """Events of the last stop that no command caused: a validation, the return to the best weights."""
    replaced: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    """The row before each validation that a command asked for, by the id of the command."""
    undone: list[_Undone] = field(default_factory=list[_Undone])
    """Everything that redos would put back, the newest last."""
    lengths: Lengths = ()
    """The lengths of the epochs, where the batch size was changed."""
    forks: dict[str, int] = field(default_factory=dict[str, int])
    """Number of interventions where each race began, by the id of its command."""
    unknown_redo: bool = False
    """Whether a redo took up a branch of which this history has not seen the undo."""

    @property
    def last_step(self) -> int:
        """The last step with a training loss."""
        return max((step for step, row in self.rows.items() if "train_loss" in row), default=0)

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, the usual ones first."""
        names = dict.fromkeys(name for row in self.rows.values() for name in row)
        return usual_first(names)

    def add(self, event: ev.AnyEvent) -> None:
        """Add the next event of the journal. The load of the system is no result: no two runs have the same."""
        if isinstance(event, ev.Scalars) and group_of(next(iter(event.values), "")) in LOADS:
            return
        plan = event.restored.plan if isinstance(event, ev.RolledBack) and event.restored is not None else None
        if isinstance(event, (ev.RunStarted, ev.SettingChanged)):
            plan = event.plan
        if plan is not None:
            self.lengths = plan.lengths
        match event:
            case ev.RunStarted():
                self._resume()
                if self.started is not None and self.started.counts_lines:
                    for counted in (self.rows, self.summaries, self.seconds):
                        counted.clear()
                self.undone.clear()
                self.started, self.finished = event, None
            case ev.RunFinished():
                self.finished = event
            case ev.Raced(cause=Race(id=id)):
                self.forks[id] = len(self.interventions)
            case ev.RolledBack(restored=ev.Restored(), saved_at=int(), cause=Undo() | Redo() as undo):
                # A script goes on after an undo: both the intervention and the undo stay.
                self.interventions.append((event.step, undo))
                self.events.append(event)
            case ev.RolledBack(restored=ev.Restored(), saved_at=int(), cause=TakeRace() as take):
                # A script goes on from a setting that is taken later: to the weights of the race, then its commands.
                back = RollBack(to=f"race-{event.saved_at}", id=take.id, by=take.by, actor=take.actor)
                self.interventions.append((event.step, back))
                self.events.append(event)
            case ev.RolledBack(restored=ev.Restored(redone=True)):
                self._redo()
            case ev.RolledBack(restored=ev.Restored() as restored):
                self._undo(event.step, restored.undid)
            case ev.StatusChanged(cause=Undo()):
                self._undo_stop()
            case ev.StatusChanged(cause=Redo()):
                self._redo_stop(event.step)
            case ev.RolledBack(cause=None):
                self.stop_events.append(event)
            case ev.Scalars(cause=None) if event.values and all(name.startswith("val_") for name in event.values):
                self.stop_events.append(event)
            case _:
                pass
        if isinstance(event, ev.Scalars) and event.cause is not None:
            self.replaced[event.cause.id] = dict(self.rows.get(event.step, {}))
        self._measure(event)
        command = event.cause
        if command is None or isinstance(command, _NO_EFFECT) or isinstance(event, (ev.Refused, ev.RunFinished)):
            return
        if not (self.interventions and command.id and self.interventions[-1][1] == command):
            self.interventions.append((event.step, command))
            self.events.append(event)
        if is_intervention(command):
            self.undone.clear()

    def _measure(self, event: ev.AnyEvent) -> None:
        for step, seconds, measured in _measurements(event):
            self.rows.setdefault(step, {}).update(measured)
            if not math.isnan(seconds):
                self.seconds[step] = seconds
        for name, value in _summaries(event):
            self.summaries.setdefault(event.step, {})[name] = value

    def _resume(self) -> None:
        """Continue a run that had ended: its stop did not end it, so the events of the stop become interventions."""
        kept = [index for index, (_, command) in enumerate(self.interventions) if not isinstance(command, Stop)]
        self.interventions = [self.interventions[index] for index in kept]
        self.events = [self.events[index] for index in kept]
        for event in self.stop_events:
            id = f"{STOP_ID_PREFIX}{event.seq}"
            command = RollBack(id=id) if isinstance(event, ev.RolledBack) else Evaluate(id=id)
            self.interventions.append((event.step, command))
            self.events.append(event)
        self.stop_events = []
        # The test split is measured at the end of a run, and this was not its end.
        for row in self.rows.values():
            for name in [name for name in row if name.startswith(TEST_PREFIX)]:
                del row[name]

    def _undo_stop(self) -> None:
        stops = [index for index, (_, command) in enumerate(self.interventions) if isinstance(command, Stop)]
        for index in stops[-1:]:
            self.undone.append(_Undone(None, stop=(self.interventions.pop(index)[1], self.events.pop(index))))

    def _redo_stop(self, step: int) -> None:
        """Put back the last undone stop, which was planned again at this step."""
        stop = self.undone.pop().stop if self.undone else None
        if stop is None:
            self.unknown_redo = True
            return
        self.interventions.append((step, stop[0]))
        self.events.append(stop[1])

    def _undo(self, step: int, undid: str) -> None:
        """Remove what was measured after a step, and the undone command with all that followed it."""
        ids = [command.id for _, command in self.interventions]
        kept = ids.index(undid) if undid in ids else min(self.forks.get(undid, len(ids)), len(ids))
        removed = _Undone(
            step,
            kept,
            {at: row for at, row in self.rows.items() if at > step},
            {at: row for at, row in self.summaries.items() if at > step},
            {at: seconds for at, seconds in self.seconds.items() if at > step},
            self.interventions[kept:],
            self.events[kept:],
        )
        self._cut(step, kept)
        self.undone.append(removed)

    def _redo(self) -> None:
        """Put back what the last undo removed, in place of what was measured and done since."""
        undone = self.undone.pop() if self.undone else None
        if undone is None or undone.step is None:
            self.unknown_redo = True
            return
        self._cut(undone.step, undone.kept)
        self.rows |= undone.rows
        self.summaries |= undone.summaries
        self.seconds |= undone.seconds
        for (at, command), event in zip(undone.interventions, undone.events, strict=True):
            if at == undone.step and isinstance(event, ev.Scalars):
                self.replaced[command.id] = dict(self.rows.get(at, {}))
                self._measure(event)
            self.interventions.append((at, command))
            self.events.append(event)

    def _cut(self, step: int, kept: int) -> None:
        """Remove what was measured after a step, and what was measured at it by an intervention that is removed."""
        for (at, command), event in reversed(list(zip(self.interventions, self.events, strict=True))[kept:]):
            if at == step and isinstance(event, ev.Scalars):
                self.rows[step] = self.replaced.get(command.id, {})
        if not self.rows.get(step, True):
            del self.rows[step]
        self.rows = {at: row for at, row in self.rows.items() if at <= step}
        self.summaries = {at: row for at, row in self.summaries.items() if at <= step}
        self.seconds = {at: seconds for at, seconds in self.seconds.items() if at <= step}
        del self.interventions[kept:], self.events[kept:]


_FIRST = ("train_loss", "val_loss", "lr", "grad_norm")


def usual_first(names: Collection[str]) -> list[str]:
    """Return names of metrics with the usual ones first."""
    return [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]


def read_history(journal: Path) -> RunHistory:
    """Read the history of a run, empty where nothing has been written yet. Raises `OSError`."""
    history = RunHistory()
    if not journal.exists():
        return history
    for event in read_events(journal):
        history.add(event)
    return history


def _measurements(event: ev.AnyEvent) -> Iterator[tuple[int, float, dict[str, float]]]:
    match event:
        case ev.Scalars():
            for index, (step, seconds) in enumerate(zip(event.steps, event.seconds, strict=True)):
                yield step, seconds, {name: _value(event, name, index) for name in event.values}
        case ev.EpochEnded():
            yield (
                event.step,
                event.seconds,
                {
                    name: math.nan if value is None else value
                    for name, value in event.metrics.items()
                    if name != "train_loss"
                },
            )
        case ev.LayersMeasured():
            measured: dict[str, float] = {}
            for name, layer in event.layers.items():
                for measure in ("grad_norm", "update_ratio"):
                    value = getattr(layer, measure)
                    if value is not None:
                        measured[f"{measure}/{name}"] = value
            yield event.step, math.nan, measured
        case _:
            return


def _value(event: ev.Scalars, name: str, index: int) -> float:
    value = event.values[name][index]
    return float(event.not_finite.get(name, {}).get(index, "nan")) if value is None else value


def _summaries(event: ev.AnyEvent) -> Iterator[tuple[str, float]]:
    match event:
        case ev.EpochEnded():
            if "train_loss" in event.metrics:
                value = event.metrics["train_loss"]
                yield "mean train_loss of the epoch", math.nan if value is None else value
        case ev.LayersMeasured():
            for name, layer in event.layers.items():
                for measure in ("weight_norm", "activation_std", "dead"):
                    value = getattr(layer, measure)
                    if value is not None:
                        yield f"{measure}/{name}", value
        case _:
            return


def first_difference(one: RunHistory, other: RunHistory) -> str:
    """Describe the first step and metric in which two histories differ. Returns "" where they are identical.

    A step that only one of them has is a difference.
    """
    return next((text for _, _, text in _differences(one, other)), "")


def differing_metrics(one: RunHistory, other: RunHistory) -> dict[str, int]:
    """Return every metric in which two histories differ, and the first step of that; `LENGTH` for missing steps."""
    found: dict[str, int] = {}
    for step, name, _ in _differences(one, other):
        found.setdefault(name, step)
    return found


def _differences(one: RunHistory, other: RunHistory) -> Iterator[tuple[int, str, str]]:
    """Yield (step, metric, description) of every difference, by step."""
    for step in sorted(one.rows.keys() | other.rows.keys()):
        a, b = one.rows.get(step), other.rows.get(step)
        if a is None or b is None:
            missing = "the second" if b is None else "the first"
            yield step, LENGTH, f"step {step} is missing in {missing}"
            continue
        a, b = (row | history.summaries.get(step, {}) for row, history in ((a, one), (b, other)))
        for name in sorted(a.keys() | b.keys()):
            x, y = a.get(name), b.get(name)
            if x != y and not (x is not None and y is not None and math.isnan(x) and math.isnan(y)):
                yield step, name, f"step {step}: {name} was {_shown(x)}, is {_shown(y)}"


def _shown(value: float | None) -> str:
    return "not measured" if value is None else repr(value)
