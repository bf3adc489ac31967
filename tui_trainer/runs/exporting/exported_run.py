"""Everything of a run that an export writes: curves, interventions, settings, findings."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import ceil
from typing import Any

from tui_trainer.components.schedulers.epoch_lengths import Lengths, epoch_at
from tui_trainer.protocol.events import Diagnosed, PictureTaken
from tui_trainer.runs.exporting.curves import StepCurve

AROUND = 20
"""Steps over which the loss before and after an intervention is averaged."""


@dataclass(frozen=True, slots=True)
class Done:
    """Something that was done to a run at a step, in words, with its sender, reason and effect on the loss.

    Attributes:
        letter: the letter of its mark on charts.
        before: mean training loss of the `AROUND` steps before it; None without steps.
        after: the same of the steps after it.
    """

    step: int
    what: str
    letter: str = ""
    by: str = ""
    because: str = ""
    before: float | None = None
    after: float | None = None

    @property
    def text(self) -> str:
        """The intervention and the reason for it, in one line."""
        return f"{self.what}; because: {self.because}" if self.because else self.what


@dataclass(slots=True)
class ExportedRun:
    """One run, or one run of a log of another program.

    Attributes:
        curves: by name, the usual ones first.
        seconds: seconds of training at each step.
        steps: every step at which something was measured.
        lengths: the lengths of the epochs, where the batch size was changed.
        epochs: the epoch of each row where the log has a column of them.
        facts: what a summary says, in words by heading.
        settings: the configuration by dotted key.
        summary: what the preset shows, in a sentence.
        lesson: the texts of a lesson of the lecture, by their keys; empty for other runs.
    """

    name: str
    title: str = ""
    preset: str = ""
    curves: dict[str, StepCurve] = field(default_factory=dict[str, StepCurve])
    seconds: StepCurve = field(default_factory=StepCurve)
    steps: array[int] = field(default_factory=lambda: array("q"))
    epochs: StepCurve | None = None
    steps_per_epoch: int = 1
    lengths: Lengths = ()
    started: str = ""
    done: list[Done] = field(default_factory=list[Done])
    facts: dict[str, str] = field(default_factory=dict[str, str])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    summary: str = ""
    lesson: dict[str, Any] = field(default_factory=dict[str, Any])
    findings: list[Diagnosed] = field(default_factory=list[Diagnosed])
    pictures: list[PictureTaken] = field(default_factory=list[PictureTaken])

    @property
    def started_at(self) -> float:
        """The time of its start in seconds since 1970; 0 where it is not known."""
        try:
            return datetime.fromisoformat(self.started).timestamp()
        except ValueError:
            return 0.0

    def epoch_at(self, step: int) -> int | float | None:
        """Return the epoch of a step, None where a log does not tell it."""
        if self.epochs is not None:
            epoch = self.epochs.at(step)
            return epoch if epoch is None or epoch % 1 else int(epoch)
        return ceil(epoch_at(self.lengths, step) if self.lengths else step / self.steps_per_epoch)

    def done_at(self) -> dict[int, str]:
        """Return the interventions as text by step."""
        texts: dict[int, str] = {}
        for each in self.done:
            texts[each.step] = f"{texts[each.step]} | {each.text}" if each.step in texts else each.text
        return texts

    def rows(self) -> Iterator[tuple[int, float | None, list[float | None]]]:
        """Yield step, seconds and the value of each curve, None where nothing was measured."""
        columns = [(curve.steps, curve.values) for curve in (self.seconds, *self.curves.values())]
        at = [0] * len(columns)
        for step in self.steps:
            row: list[float | None] = []
            for index, (steps, values) in enumerate(columns):
                here = at[index]
                if here < len(steps) and steps[here] == step:
                    row.append(values[here])
                    at[index] = here + 1
                else:
                    row.append(None)
            yield step, row[0], row[1:]


def all_steps(curves: Iterator[StepCurve]) -> array[int]:
    """Return every step of some curves, ascending, each once."""
    longest = array("q")
    rest: list[array[int]] = []
    for curve in curves:
        if len(curve.steps) > len(longest):
            longest, shorter = curve.steps, longest
        else:
            shorter = curve.steps
        rest.append(shorter)
    if all(steps == longest for steps in rest if steps):
        return longest
    known = set(longest)
    more = {step for steps in rest for step in steps if step not in known}
    return array("q", sorted([*longest, *more])) if more else longest
