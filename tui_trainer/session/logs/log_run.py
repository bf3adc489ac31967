"""One run of a log: fold its columns into a state, as events."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from operator import le
from typing import TYPE_CHECKING, Any

from tui_trainer.protocol import events as ev
from tui_trainer.readers.columns import ROLES, Names
from tui_trainer.readers.numbers import all_finite
from tui_trainer.readers.order import Arranged, arrange
from tui_trainer.readers.reading import MAX_COLUMNS, LogColumn, Medium, Rows
from tui_trainer.session.logs.curve_rules import CURVE_RULES, in_short
from tui_trainer.session.logs.log_epochs import LogEpochs, steps_per_epoch
from tui_trainer.session.logs.log_media import can_decode, event_of
from tui_trainer.session.logs.log_seconds import largest, risen, seconds_at
from tui_trainer.state.branching.branches import BRANCH_POINTS, CURVES, Branch, thinned
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series_names import MAX_NAME
from tui_trainer.text import visible

if TYPE_CHECKING:
    from tui_trainer.diagnosis.monitor import DiagnosisMonitor

TIME_OF_DAY = 1e8
"""Seconds from which a column of times counts from 1970, not from the start."""
FEW = 256
"""Times that are taken as they are where they rise already."""
MAX_PICTURES = 64
"""Most histograms and images that are shown."""
ENOUGH_VALIDATION = 1000
"""Validation samples that the diagnosis assumes: logs of other programs do not name them."""


class LogRun:
    """The state of one run of a log, and the events that lead to it.

    Args:
        name: name of the run on the screen.
        title: the file and its format, in words.
        told: the columns that the user told by role.
        at: the time of the log in seconds since 1970.
        coarse: whether it is folded from samples, of which nothing is diagnosed.
        share: the share of the log that the first block is.
    """

    def __init__(
        self,
        name: str,
        title: str,
        told: Mapping[str, str],
        at: float = 0.0,
        *,
        coarse: bool = False,
        share: float = 1.0,
    ) -> None:
        self.state = RunState.blank(name)
        self.settings: dict[str, Any] = {}
        self.folded = False
        """Whether the state holds the events of the last block already."""
        self.left_out = 0
        """Columns beyond the limit that were passed over."""
        self.late = 0
        """Rows that came too late to be put into their place."""
        self._pictures: set[str] = set()
        self._told_of_images = False
        self._title = title
        self._coarse = coarse
        self._names = Names(told)
        self._at = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        self._share = share
        self._epochs = LogEpochs(share)
        self._zero: float | None = None
        self._last_seconds = 0.0
        self._broke = False
        self._started: ev.RunStarted | None = None
        self._monitor: DiagnosisMonitor | None = None

    @property
    def monitor(self) -> DiagnosisMonitor:
        """The diagnosis of the run. Its rules are imported after the first picture, which shows no findings."""
        if self._monitor is None:
            from tui_trainer.diagnosis.monitor import DiagnosisMonitor

            self._monitor = DiagnosisMonitor()
        return self._monitor

    def take(self, block: Rows, *, fold: bool = True) -> list[ev.AnyEvent]:
        """Return the events of a block.

        Args:
            block: the columns.
            fold: whether to fold the events here. Where the log went back to an earlier step, or begins, they always
                are: `folded` tells.
        """
        state = self.state
        late = state.started is not None and any(self.settings.get(key) != each for key, each in block.settings.items())
        self.settings.update(block.settings)
        given = self._given(block.columns)
        events = self._begin(block) if state.started is None else []
        self.folded = fold or late or bool(events)
        if late and state.started is not None:  # hyperparameters that stand at the end of a log
            state.started = state.started.model_copy(update={"config": dict(self.settings)})
        if given:
            events.append(self._log("series: " + ", ".join(given)))
        events += self._events(self._arranged(block), block)
        if not self._coarse:
            events += self._of_media(block.media)
        events = self._with_findings(events)
        if self.folded:
            state.apply(*events)
        return events

    def _of_media(self, media: Sequence[Medium]) -> list[ev.AnyEvent]:
        """Return the events of histograms, texts and images; of images without Pillow a line says so once."""
        events: list[ev.AnyEvent] = []
        for medium in media:
            event = event_of(medium, self._epochs.count)
            if isinstance(event, ev.PictureTaken):
                if event.name not in self._pictures and len(self._pictures) >= MAX_PICTURES:
                    continue
                self._pictures.add(event.name)
            if event is not None:
                events.append(self._stamped(event))
            elif medium.kind == "image" and not self._told_of_images and not can_decode():
                self._told_of_images = True
                events.append(self._log("images are passed over: Pillow is not installed"))
        return events

    def note(self, text: str) -> ev.AnyEvent:
        """Return a line for the log."""
        return self._log(text)

    def finish(self) -> list[ev.AnyEvent]:
        """Return the events that end the run, because its log does not grow any more."""
        state = self.state
        events: list[ev.AnyEvent] = [self._stamped(each) for each in self._epochs.finish()]
        over = self._event(
            ev.RunFinished,
            reason="completed",
            detail="end of the log",
            epoch=self._epochs.count,
            step=state.step,
            seconds=state.seconds,
            metrics=dict(state.metrics),
            best=self._epochs.best,
        )
        return self._with_findings([*events, over])

    def grow(self) -> ev.AnyEvent:
        """Return the event that the run goes on, after `finish`."""
        return self._event(ev.StatusChanged, status="running", step=self.state.step, epoch=self._epochs.count)

    def _begin(self, block: Rows) -> list[ev.AnyEvent]:
        seconds = block.seconds
        if seconds is not None and len(seconds.values) and TIME_OF_DAY < seconds.values[0] < 1e11:
            self._at = datetime.fromtimestamp(seconds.values[0], UTC).isoformat(timespec="milliseconds")
        self._started = started = self._event(
            ev.RunStarted,
            title=visible(self._title),
            config=dict(self.settings),
            device="",
            steps_per_epoch=steps_per_epoch(block.epochs, self._validations(block), self._share),
        )
        self._begin_diagnosis()
        return [started, self._event(ev.StatusChanged, status="running"), self._log(in_short())]

    def _validations(self, block: Rows) -> LogColumn | None:
        filled = (name for name, column in block.columns.items() if len(column.steps))
        return next((block.columns[name] for name in filled if self._names[name] == "val_loss"), None)

    def _given(self, columns: Mapping[str, LogColumn]) -> list[str]:
        new = [name for name in columns if len(columns[name].steps)]
        given = self._names.add(new)
        return [f"{role} is {visible(column)!r}" for column, role in given.items() if column != role]

    def _event(self, kind: type[ev.Event], /, **fields: Any) -> Any:
        """Return an event of checked fields: the schema of each kind would take longer than the first picture."""
        return kind.model_construct(run=self.state.run, at=self._at, **fields)

    def _stamped(self, event: Any) -> Any:
        return event.model_copy(update={"run": self.state.run, "at": event.at or self._at})

    def _log(self, text: str) -> ev.AnyEvent:
        return self._event(ev.Logged, lines=[visible(text)], source="trainer")

    def _arranged(self, block: Rows) -> dict[str, LogColumn]:
        """Return the columns by the names of their series, steps ascending; go back where the log did."""
        arranged: dict[tuple[int, int | None], Arranged] = {}
        named: dict[str, LogColumn] = {}
        going_back: dict[str, int] = {}
        for column, values in block.columns.items():
            if not len(values.steps):
                continue
            name = visible(self._names[column])[:MAX_NAME]
            if name not in self.state.series and len(self.state.series) >= MAX_COLUMNS and name not in ROLES:
                self.left_out += 1
                continue
            series = self.state.series.get(name)
            last = series.last_step if series is not None and (series.count or series.gap_count) else None
            key = id(values.steps), last
            order = arranged.get(key)
            if order is None:
                order = arranged[key] = arrange(values.steps, last)
            self.late += order.late
            pieces = order.pieces
            at = next((at for at in range(len(pieces) - 1, -1, -1) if pieces[at].restart), None)
            if at is not None:
                for piece in pieces[:at]:
                    self._extend(name, _part(values, piece.rows))
                    if piece.restart:
                        self._back(name, _part(values, piece.rows).steps[0])
                going_back[name] = _part(values, pieces[at].rows).steps[0]
                pieces = pieces[at:]
            rest = [_part(values, piece.rows) for piece in pieces]
            if rest:
                named[name] = rest[0] if len(rest) == 1 else _joined(rest)
        if going_back:
            self._go_back(going_back)
        return named

    def _extend(self, name: str, column: LogColumn) -> None:
        self.state.column(name).extend(column.steps, *_gaps(column.values))

    def _back(self, name: str, step: int) -> None:
        self.state.column(name).rewind(step - 1)

    def _go_back(self, steps: Mapping[str, int]) -> None:
        """Take series back to where they began again; the losses stay visible as a branch."""
        self.folded = True
        state = self.state
        curves = {
            name: thinned(name, state.series[name], step - 1, BRANCH_POINTS)
            for name, step in steps.items()
            if name in CURVES and name in state.series and state.series[name].last_step > step
        }
        if curves:
            start = min(steps[name] for name in curves) - 1
            end = max(state.series[name].last_step for name in curves)
            branch = Branch(
                id=f"log-{start}", what="the log began again", left_by="roll-back", start=start, end=end, curves=curves
            )
            state.branches = [*state.branches[-7:], branch]
            self._epochs.forget()
            self._begin_diagnosis()
        for name, step in steps.items():
            self._back(name, step)

    def _begin_diagnosis(self) -> None:
        self._monitor = None
        if self._started is not None and not self._coarse:
            self.monitor.take(self._started.model_copy(update={"validation_samples": ENOUGH_VALIDATION}))

    def _events(self, named: dict[str, LogColumn], block: Rows) -> list[ev.AnyEvent]:
        groups: dict[tuple[int, int, int], tuple[array[int], dict[str, LogColumn]]] = {}
        for name, column in named.items():
            steps = column.steps
            key = (len(steps), steps[0], steps[-1])
            known = groups.get(key)
            if known is not None and (known[0] is steps or known[0] == steps):
                known[1][name] = column
            else:
                groups[(*key[:2], key[2] + (len(groups) << 63 if known is not None else 0))] = (steps, {name: column})
        seconds = self._seconds(block.seconds)
        events: list[ev.AnyEvent] = []
        for steps, columns in sorted(groups.values(), key=lambda group: -len(group[0])):
            times = seconds_at(seconds, steps, self._last_seconds)
            first = self._first_gap(columns.get("train_loss"))
            if first is not None:
                at, kind = first
                if at:
                    events.append(self._scalars(steps[:at], times[:at], columns, slice(0, at)))
                events.append(self._event(ev.LossBroke, step=steps[at], kind=kind))
                steps, times = steps[at:], times[at:]
            events.append(self._scalars(steps, times, columns, slice(first[0] if first else 0, None)))
        ended = self._epochs.take(block.epochs, named, seconds)
        return events + [self._stamped(each) for each in ended]

    def _first_gap(self, losses: LogColumn | None) -> tuple[int, str] | None:
        """Return position and kind of the first loss of the run that is not finite, where it lies in this column."""
        if losses is None or self._broke:
            return None
        gaps = _gaps(losses.values)[1]
        if not gaps:
            return None
        self._broke = True
        at = min(gaps)
        return at, gaps[at]

    def _scalars(
        self, steps: array[int], seconds: array[float], columns: Mapping[str, LogColumn], rows: slice
    ) -> ev.AnyEvent:
        """Return the event of columns that share their steps.

        Nothing is validated or converted: there may be millions of values.
        """
        values: dict[str, Any] = {}
        lost: dict[str, dict[int, str]] = {}
        for name, column in columns.items():
            values[name], gaps = _gaps(column.values[rows])
            if gaps:
                lost[name] = gaps
        return self._event(
            ev.Scalars,
            step=steps[-1],
            steps=steps,
            seconds=seconds,
            values=values,
            not_finite=lost,
        )

    def _seconds(self, column: LogColumn | None) -> LogColumn | None:
        """Return the times of a block from the start of the run, never falling."""
        if column is None or not len(column.values):
            return None
        if (
            len(column.values) < FEW
            and self._zero == 0.0
            and _rises(column.values, self._last_seconds)
            and _rises(column.steps, 0)
        ):
            self._last_seconds = column.values[-1]
            return column
        if self._zero is None:
            first = column.values[0] if isfinite(column.values[0]) else 0.0
            self._zero = first if first > TIME_OF_DAY else 0.0
        rising = risen(column, self._zero, self._last_seconds)
        self._last_seconds = largest(rising.values)
        return rising

    def _with_findings(self, events: list[ev.AnyEvent]) -> list[ev.AnyEvent]:
        """Return events with the findings that they lead to, from the rules that need only curves."""
        if self._coarse:
            return events
        told: list[ev.AnyEvent] = []
        for event in events:
            told.append(event)
            if not isinstance(event, ev.RunStarted):
                told += map(self._stamped, (one for one in self.monitor.take(event) if one.finding in CURVE_RULES))
        return told


def _rises(values: Sequence[float], start: float) -> bool:
    """Return whether finite values never fall, from `start` on."""
    return values[0] >= start and isfinite(values[-1]) and all(map(le, values, values[1:]))


def _part(column: LogColumn, rows: list[int] | None) -> LogColumn:
    if rows is None:
        return column
    steps, values = column.steps, column.values
    return LogColumn(array("q", [steps[row] for row in rows]), array("d", [values[row] for row in rows]))


def _joined(parts: list[LogColumn]) -> LogColumn:
    joined = LogColumn()
    for part in parts:
        joined.steps.extend(part.steps)
        joined.values.extend(part.values)
    return joined


def _gaps(values: array[float]) -> tuple[array[float] | list[float | None], dict[int, str]]:
    """Return values with None for those that are not finite, and their kinds by position; an array where all are."""
    if all_finite(values):
        return values, {}
    numbers: list[Any] = values.tolist()
    gaps = {
        at: "nan" if value != value else "inf" if value > 0 else "-inf"
        for at, value in enumerate(numbers)
        if not isfinite(value)
    }
    for at in gaps:
        numbers[at] = None
    return numbers, gaps
