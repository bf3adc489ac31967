"""The pace of a run: seconds for a step, seconds for the end of an epoch, and so the time that is left."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator

from tui_trainer.state.series import Series

RECENT_ENDS = 16
"""Newest ends of epochs whose mean is expected of the coming ones."""
WINDOW = 5.0
"""Seconds of training steps over which the pace is measured."""
SHARE_KNOWN = 0.05
"""Share of the run after which the time left is said without "about"."""
FORWARD_SHARE = 1 / 3
"""Cost of a batch of validation in training steps, about, until a validation was measured."""

StoredSeries = Annotated[
    Series,
    PlainValidator(lambda value: value if isinstance(value, Series) else Series.from_state_dict(value)),
    PlainSerializer(Series.state_dict),
]


@dataclass(slots=True)
class Pace:
    """The seconds of training, split into steps and ends of epochs: validation, saving, pictures.

    Attributes:
        waits: cumulated seconds of the ends of epochs, at the first step after each.
        validations: seconds of the newest ends of epochs with a validation.
        other_ends: seconds of the newest ends of epochs without one.
        validated: the last epoch with a validation, 0 before the first one.
        every: epochs from one validation to the next.
        began: the step at which this process began to train. Another machine may have another pace.
        step: the last step, and `seconds` its time.
        open: seconds of an end of an epoch after which no step was seen yet, and `open_at` their end.
    """

    waits: StoredSeries = field(default_factory=Series)
    validations: list[float] = field(default_factory=list[float])
    other_ends: list[float] = field(default_factory=list[float])
    validated: int = 0
    every: int = 1
    began: int = 0
    step: int = 0
    seconds: float = 0.0
    step_seconds: float = 0.0
    open: float | None = None
    open_at: float = 0.0
    open_validated: bool = False

    def start(self, step: int, seconds: float) -> None:
        """Begin at a step, with the seconds so far: at the start, after a resume or a roll-back."""
        self._settle(self.step + 1, 0.0)
        self.waits.rewind(step)
        self.began, self.step, self.seconds = step, step, seconds

    def rewind(self, step: int, seconds: float) -> None:
        """Return to a step, in the same process."""
        began = min(self.began, step)
        self.start(step, seconds)
        self.began = began

    def steps_taken(self, first: int, first_at: float, last: int, last_at: float) -> None:
        """Take in the steps from `first` to `last`, with their times."""
        if last <= self.step:
            return
        if first > self.step:
            taken = first - self.step
            if self.open is not None:
                self._settle(first, max(first_at - self.open_at - taken * self.step_seconds, 0.0))
            elif first_at > self.seconds:
                self.step_seconds = (first_at - self.seconds) / taken
        if last > first and last_at > first_at:
            self.step_seconds = (last_at - first_at) / (last - first)
        self.step, self.seconds = last, last_at

    def epoch_ended(self, epoch: int, seconds: float, *, validated: bool) -> None:
        """Take in the end of an epoch, which comes after the last step of it."""
        self._settle(self.step + 1, 0.0)
        self.open, self.open_at = max(seconds - self.seconds, 0.0), max(seconds, self.seconds)
        self.open_validated = validated
        if validated:
            if epoch > self.validated:
                self.every = epoch - self.validated
            self.validated = epoch

    def _settle(self, step: int, more: float) -> None:
        """Close the open end of an epoch; `more` seconds passed before `step`, after the event."""
        if self.open is None:
            return
        cost, self.open = self.open + more, None
        kind = self.validations if self.open_validated else self.other_ends
        kind.append(cost)
        del kind[:-RECENT_ENDS]
        self.waits.append(step, (self.waits.last or 0.0) + cost)

    def without_ends(self, step: int, seconds: float) -> float:
        """Return the seconds of the steps alone up to a step, from those of training."""
        waited = self.waits.at(step)
        return seconds - waited[1] if waited is not None else seconds

    def steps_per_second(self, clock: Series | None, at_least: float = 0.0, over: float = WINDOW) -> float:
        """Return the steps per second over the newest `over` seconds and `at_least` steps, 0 if it is not known yet.

        Args:
            clock: the seconds of training by step.
            at_least: fewest steps that are looked at, if there are so many.
            over: fewest seconds that are looked at, if there are so many.
        """
        if clock is None or not clock.steps:
            return 0.0
        steps, values = clock.steps, clock.values
        oldest = bisect_right(steps, self.began) if self.began else 0
        last = len(steps) - 1
        newest = self.without_ends(steps[last], values[last])
        if last <= oldest:
            # One step: since the run began, if it began here.
            return steps[last] / newest if not oldest and not self.began and newest > 0 else 0.0

        def seconds(index: int) -> float:
            return self.without_ends(steps[index], values[index])

        enough = bisect_left(range(oldest, last), newest - over, key=seconds) + oldest
        if enough > oldest and seconds(enough) > newest - over:
            enough -= 1
        many = bisect_left(steps, steps[last] - at_least) if at_least else last
        start = max(min(enough, many, last - 1), oldest)
        passed = newest - seconds(start)
        return (steps[last] - steps[start]) / passed if passed > 0 else 0.0

    def seconds_of_ends(self, epoch: int, epochs: int, validation: float) -> float:
        """Return the expected seconds of the ends of the epochs after `epoch`.

        Args:
            epoch: epochs that have ended.
            epochs: epochs planned. The last one is always validated.
            validation: seconds of a validation, where none was measured.
        """
        if epoch >= epochs:
            return 0.0
        count = epochs // self.every - epoch // self.every + (epochs % self.every != 0)
        measured = self._usual(self.validations, self.open_validated)
        other = self._usual(self.other_ends, not self.open_validated) or 0.0
        return count * (validation if measured is None else measured) + (epochs - epoch - count) * other

    def _usual(self, ends: list[float], is_open: bool) -> float | None:
        if self.open is not None and is_open:
            ends = [*ends, self.open]
        if not ends:
            return None
        # The first one compiles and fills caches.
        usual = ends[1:] if 1 < len(ends) < RECENT_ENDS else ends
        return sum(usual) / len(usual)
