"""The history of one run, read from its journal: every measurement by step, and every intervention."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import AnyCommand, Evaluate, Pause, Resume, RollBack, StepOnce, Stop, Undo
from tui_trainer.runs.journal import read_events

_NO_EFFECT = (Pause, Resume, StepOnce, Undo)
"""Commands that do not change the measurements. An undone command is removed from the history, and so is its undo."""

TEST_PREFIX = "test_"
"""Prefix of the metrics of the test split."""

LENGTH = "the last step"
"""Stands for a metric where one of two histories has a step that the other lacks."""

STOP_ID_PREFIX = "settled-"
"""Prefix of the ids of commands that repeat what a stopped run did by itself: validate, restore its best weights."""


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

    @property
    def last_step(self) -> int:
        """The last step with a training loss."""
        return max((step for step, row in self.rows.items() if "train_loss" in row), default=0)

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics, the usual ones first."""
        names = dict.fromkeys(name for row in self.rows.values() for name in row)
        return [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]

    def add(self, event: ev.AnyEvent) -> None:
        """Add the next event of the journal."""
        match event:
            case ev.RunStarted():
                self._resume()
                self.started, self.finished = event, None
            case ev.RunFinished():
                self.finished = event
            case ev.RolledBack(restored=ev.Restored() as restored):
                self._rewind(event.step, restored.undid)
            case ev.StatusChanged(cause=Undo()):
                self._undo_stop()
            case ev.RolledBack(cause=None):
                self.stop_events.append(event)
            case ev.Scalars(cause=None) if event.values and all(name.startswith("val_") for name in event.values):
                self.stop_events.append(event)
            case _:
                pass
        for step, seconds, measured in _measurements(event):
            self.rows.setdefault(step, {}).update(measured)
            if not math.isnan(seconds):
                self.seconds[step] = seconds
        for name, value in _summaries(event):
            self.summaries.setdefault(event.step, {})[name] = value
        command = event.cause
        if command is None or isinstance(command, _NO_EFFECT) or isinstance(event, (ev.Refused, ev.RunFinished)):
            return
        if not (self.interventions and command.id and self.interventions[-1][1].id == command.id):
            self.interventions.append((event.step, command))
            self.events.append(event)

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
            del self.interventions[index], self.events[index]

    def _rewind(self, step: int, undid: str) -> None:
        """Remove what was measured after a step, and the undone command with all that followed it."""
        self.rows = {at: row for at, row in self.rows.items() if at <= step}
        self.summaries = {at: row for at, row in self.summaries.items() if at <= step}
        self.seconds = {at: seconds for at, seconds in self.seconds.items() if at <= step}
        ids = [command.id for _, command in self.interventions]
        end = ids.index(undid) if undid in ids else len(ids)
        del self.interventions[end:], self.events[end:]


_FIRST = ("train_loss", "val_loss", "lr", "grad_norm")


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
