"""What a journal says of one run's training: every number by step, and what was asked at which step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand, Evaluate, Pause, Resume, RollBack, StepOnce, Stop, Undo
from tui_trainer.runs.journal import read_events

_NO_EFFECT = (Pause, Resume, StepOnce, Undo)
"""Commands that change nothing about the numbers; what an undo took back is left out of the record with it."""

SETTLED = "settled-"
"""How the ids of commands begin that do again what a run did by itself when it was stopped."""


@dataclass(slots=True)
class RunHistory:
    """One run as it finally was: branches that were left are not part of it.

    Attributes:
        rows: the metrics that were measured at each step; a value that was not finite is what it was.
        seconds: seconds of training at each step.
        interventions: (step, command), in the order in which they were obeyed.
        events: the event that each of these commands caused.
        started: what the run was made of, None where it never began.
        finished: how it ended, None where it did not.
    """

    rows: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])
    seconds: dict[int, float] = field(default_factory=dict[int, float])
    interventions: list[tuple[int, AnyCommand]] = field(default_factory=list[tuple[int, AnyCommand]])
    events: list[ev.AnyEvent] = field(default_factory=list[ev.AnyEvent])
    started: ev.RunStarted | None = None
    finished: ev.RunFinished | None = None
    settled: list[ev.AnyEvent] = field(default_factory=list[ev.AnyEvent])
    """What the run did by itself when it was last stopped: it validated, it put its best weights back."""

    @property
    def last_step(self) -> int:
        """The last step of which a loss is known."""
        return max((step for step, row in self.rows.items() if "train_loss" in row), default=0)

    @property
    def metrics(self) -> list[str]:
        """Every metric, the usual ones first."""
        names = dict.fromkeys(name for row in self.rows.values() for name in row)
        return [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]

    def add(self, event: ev.AnyEvent) -> None:
        """Take in the next event of the journal."""
        match event:
            case ev.RunStarted():
                self._take_up()
                self.started, self.finished = event, None
            case ev.RunFinished():
                self.finished = event
            case ev.RolledBack(restored=ev.Restored() as restored):
                self._leave_branch(event.step, restored.undid)
            case ev.StatusChanged(cause=Undo()):
                self._take_back_stop()
            case ev.RolledBack(cause=None):
                self.settled.append(event)
            case ev.Scalars(cause=None) if event.values and all(name.startswith("val_") for name in event.values):
                self.settled.append(event)
            case _:
                pass
        for step, seconds, measured in _measurements(event):
            self.rows.setdefault(step, {}).update(measured)
            if not math.isnan(seconds):
                self.seconds[step] = seconds
        command = event.cause
        if command is None or isinstance(command, _NO_EFFECT) or isinstance(event, (ev.Refused, ev.RunFinished)):
            return
        if not (self.interventions and command.id and self.interventions[-1][1].id == command.id):
            self.interventions.append((event.step, command))
            self.events.append(event)

    def _take_up(self) -> None:
        """The run goes on after it had ended: no stop ended it, and what it did when it stopped was done on the way."""
        kept = [place for place, (_, command) in enumerate(self.interventions) if not isinstance(command, Stop)]
        self.interventions = [self.interventions[place] for place in kept]
        self.events = [self.events[place] for place in kept]
        for event in self.settled:
            identity = f"{SETTLED}{event.seq}"
            command = RollBack(id=identity) if isinstance(event, ev.RolledBack) else Evaluate(id=identity)
            self.interventions.append((event.step, command))
            self.events.append(event)
        self.settled = []

    def _take_back_stop(self) -> None:
        stops = [place for place, (_, command) in enumerate(self.interventions) if isinstance(command, Stop)]
        for place in stops[-1:]:
            del self.interventions[place], self.events[place]

    def _leave_branch(self, step: int, undid: str) -> None:
        self.rows = {at: row for at, row in self.rows.items() if at <= step}
        self.seconds = {at: seconds for at, seconds in self.seconds.items() if at <= step}
        ids = [command.id for _, command in self.interventions]
        kept = ids.index(undid) if undid in ids else len(ids)
        del self.interventions[kept:], self.events[kept:]


_FIRST = ("train_loss", "val_loss", "lr", "grad_norm")


def read_history(journal: Path) -> RunHistory:
    """The record of a run, empty where nothing has been written yet. Raises `OSError`."""
    record = RunHistory()
    if not journal.exists():
        return record
    for event in read_events(journal):
        record.add(event)
    return record


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


def first_difference(one: RunHistory, other: RunHistory) -> str:
    """The first step and metric in which two records differ, in words; empty where they are identical.

    The steps that both have are compared, and whether one has more of them.
    """
    for step in sorted(one.rows.keys() | other.rows.keys()):
        a, b = one.rows.get(step), other.rows.get(step)
        if a is None or b is None:
            missing = "the second" if b is None else "the first"
            return f"step {step} is missing in {missing}"
        for name in sorted(a.keys() | b.keys()):
            x, y = a.get(name), b.get(name)
            if x != y and not (x is not None and y is not None and math.isnan(x) and math.isnan(y)):
                return f"step {step}: {name} was {_shown(x)}, is {_shown(y)}"
    return ""


def _shown(value: float | None) -> str:
    return "not measured" if value is None else repr(value)
