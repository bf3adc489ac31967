"""The state of a run, folded from its events.

Hosts, viewers and the readers of journals all use `RunState.apply`, so the same events give the same state everywhere.
"""

from __future__ import annotations

from typing import Self

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.commands import is_intervention
from tui_trainer.protocol.describe import describe, epoch_line, is_test, letter, sender_text
from tui_trainer.state.branching.branches import Branch, Ghost, Mark, UndoneBranch
from tui_trainer.state.branching.rewind import intervene
from tui_trainer.state.drills.veil import is_veiled
from tui_trainer.state.reducer import FOLDS, MEASUREMENTS, NOT_INTERVENED, NOT_LOGGED
from tui_trainer.state.run_data import (
    CLOCK,
    EVALUATIONS,
    LOG_LINES,
    MEAN_TRAIN_LOSS,
    LogLine,
    RunData,
    add_line,
)
from tui_trainer.state.series_batch import SeriesBatch
from tui_trainer.text import visible, visible_lines

__all__ = [
    "CLOCK", "EVALUATIONS", "LOG_LINES", "MEAN_TRAIN_LOSS",
    "Branch", "Ghost", "LogLine", "Mark", "RunState", "UndoneBranch",
]  # fmt: skip

MAX_MARKS = 5000
"""Marks that are kept; later ones are ignored."""


class RunState(RunData):
    """The state of one run. Only `apply` changes it."""

    @classmethod
    def blank(cls, run: str = "") -> Self:
        """Return the state of a run before its first event. It builds no schema, which takes longer than a drawing."""
        return cls.model_construct(run=run)

    def apply(self, *events: ev.AnyEvent) -> None:
        """Fold events in order. An event that was folded before (by its `seq`) is ignored."""
        batch = SeriesBatch(self.column, self.layers)
        seq = self.seq
        for event in events:
            if event.seq:
                if event.seq <= seq:
                    continue
                seq = event.seq
            if event.run and event.run != self.run:  # attribute assignment is slow in pydantic
                self.run = event.run
            add_to_batch = MEASUREMENTS.get(type(event))
            if add_to_batch is not None:
                add_to_batch(self, event, batch)
            else:
                batch.flush()
                fold = FOLDS.get(type(event))
                if fold is not None:
                    fold(self, event)
                if event.cause is not None and is_intervention(event.cause) and not isinstance(event, NOT_INTERVENED):
                    intervene(self, event.cause.id)
            self._log(event)
        batch.flush()
        self.seq = seq
        if self.schedules:
            self.attach_curve()

    def _log(self, event: ev.AnyEvent) -> None:
        """Add the log line and the mark of an event, if it has them."""
        if type(event) in NOT_LOGGED and event.cause is None and not is_test(event):
            return
        if isinstance(event, ev.Diagnosed) and is_veiled(self):
            return
        if isinstance(event, ev.Logged):
            for text in event.lines:
                for line in visible_lines(text):
                    add_line(self.log, LogLine(at=event.at, text=line, kind=event.source))
            return
        text = epoch_line(event, self.epochs) if isinstance(event, ev.EpochEnded) else describe(event)
        if text is None:
            return
        if isinstance(event, ev.RunStarted) and is_veiled(self):
            text = f"a drill on {event.device}"  # model and data would give its cause away
        text = visible(text)
        warning = isinstance(event, (ev.Refused, ev.SavingFailed)) or (
            (isinstance(event, ev.RunFinished) and event.exit_code != 0)
            or (isinstance(event, ev.Diagnosed) and event.active and event.severity != "note")
        )
        kind = "warning" if warning else "epoch" if isinstance(event, ev.EpochEnded) else "event"
        if isinstance(event, ev.CheckpointSaved) and event.cause is None:
            kind = "save"
        if kind == "epoch" and self.log and self.log[-1].kind == "epoch" and self.log[-1].at[:19] == event.at[:19]:
            self.log.pop()  # keep only the last epoch of each second, so that fast epochs do not push out other lines
        add_line(self.log, LogLine(at=event.at, text=text, kind=kind))
        mark = letter(event)
        if mark and len(self.marks) < MAX_MARKS:
            text = visible(describe(event, reason=False) or text)
            command = event.cause
            by, id, because = "", "", ""
            if command is not None:
                by, id, because = sender_text(command.by, command.actor), command.id, command.because
            self.marks.append(
                Mark(step=event.step, letter=mark, text=text, by=visible(by), id=id, because=visible(because))
            )
