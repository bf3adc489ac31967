"""Schedule the remarks of a lesson: when each appears, how long it stays, and which one is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.drills.task import task_of
from tui_trainer.ui.settings import WORDS_PER_MINUTE

SHORTEST = 2.0
"""Seconds for which the shortest remark stays."""


def lesson_of(state: RunState | None) -> Lesson | None:
    """Return the lesson in a run's configuration; None where there is none or it cannot be parsed."""
    table: Any = state.started.config.get("lesson") if state is not None and state.started is not None else None
    if table is None:
        return task_of(state) if state is not None else None
    try:
        return Lesson.model_validate(table)
    except ValidationError:
        return None  # written by a later version: the charts do without the lesson


def is_due(remark: Remark, state: RunState, over: bool) -> bool:
    """Return whether the moment of a remark has come; `over` is true once every run of the set has ended."""
    if remark.at is not None:
        return over if remark.at == "end" else state.step >= (remark.step or 1) or over
    if remark.epoch is not None:
        return state.epoch >= remark.epoch
    return state.step >= (remark.step or 0)


def relevant_remarks(lesson: Lesson, state: RunState) -> list[int]:
    """Return the indexes of the remarks that apply to a run: a turned problem has its own."""
    data: Any = state.started.config.get("data", {}) if state.started is not None else {}
    turned = bool(data.get("rotation", 0.0) % 90) and any(remark.at == "turned" for remark in lesson.remarks)
    return [index for index, remark in enumerate(lesson.remarks) if (remark.at == "turned") is turned]


def step_of(remark: Remark, state: RunState) -> float | None:
    """Return the step of a remark's moment; None for start and end, which are not marked on the charts."""
    if remark.epoch is not None:
        return float(state.step_of_epoch(remark.epoch))
    return None if remark.step is None else float(remark.step)


@dataclass(slots=True)
class Narrator:
    """Shows the remarks of one lesson one after the other, each long enough to be read.

    Attributes:
        words_per_minute: the user's reading speed.
        lesson: the lesson; None where the selected run has none.
        shown: indexes of the remarks that have appeared, in that order.
        waiting: indexes of the remarks that are due while another one is being read.
        page: position in `shown` of the remark on the screen.
        relevant: indexes of the remarks that apply to the selected run.
        over: whether every run of the set has ended.
    """

    words_per_minute: float = WORDS_PER_MINUTE
    lesson: Lesson | None = None
    shown: list[int] = field(default_factory=list[int])
    waiting: list[int] = field(default_factory=list[int])
    page: int = 0
    relevant: list[int] = field(default_factory=list[int])
    over: bool = False
    _since: float = 0.0
    """Time at which the newest remark appeared; before the first one, at which the lesson began."""

    def update(self, lesson: Lesson | None, state: RunState, over: bool, now: float, *, late: bool) -> list[Remark]:
        """Follow the selected run. Returns the remarks that appear now.

        With `late`, for a viewer that connects in the middle, all remarks that are due appear at once.
        """
        if not self.follow(lesson, state, over, now):
            return []
        assert lesson is not None
        known = {*self.shown, *self.waiting}
        self.waiting += [
            index for index in self.relevant if index not in known and is_due(lesson.remarks[index], state, over)
        ]
        if late:
            return [self._show_next(now) for _ in range(len(self.waiting))]
        if self.waiting and (not self.shown or self.was_read(now)):
            return [self._show_next(now)]
        return []

    def follow(self, lesson: Lesson | None, state: RunState, over: bool, now: float) -> bool:
        """Take the lesson of the selected run. Returns whether there is one."""
        if lesson != self.lesson:
            self.lesson, self.shown, self.waiting, self.page, self._since = lesson, [], [], 0, now
        self.over = over
        if lesson is not None:
            self.relevant = relevant_remarks(lesson, state)
        return lesson is not None

    @property
    def remaining(self) -> list[int]:
        """The indexes of the remarks that have not appeared yet."""
        return [index for index in self.relevant if index not in self.shown]

    @property
    def told(self) -> bool:
        """Whether every run has ended and every remark has appeared."""
        return self.lesson is not None and self.over and not self.remaining

    def show(self, index: int, now: float) -> Remark:
        """Show a remark, whichever was on the screen before."""
        assert self.lesson is not None
        self.waiting = []
        self.shown.append(index)
        self.page, self._since = len(self.shown) - 1, now
        return self.lesson.remarks[index]

    def was_read(self, now: float) -> bool:
        """Return whether the newest remark has been on the screen for as long as it takes to read it."""
        return now >= self._since + self.remark_seconds

    def reset(self) -> None:
        """Forget the remarks that have appeared, for new runs of the same lesson."""
        self.shown, self.waiting, self.page = [], [], 0

    def _show_next(self, now: float) -> Remark:
        assert self.lesson is not None
        on_newest = self.page >= len(self.shown) - 1
        self.shown.append(self.waiting.pop(0))
        if on_newest:
            self.page = len(self.shown) - 1
        self._since = now
        return self.lesson.remarks[self.shown[-1]]

    @property
    def remark(self) -> Remark | None:
        """The remark on the screen, None before the first one."""
        return self.lesson.remarks[self.shown[self.page]] if self.lesson is not None and self.shown else None

    @property
    def text(self) -> str:
        """The text on the screen: the remark; before the first one the question of the lesson, or its subject."""
        if self.lesson is None:
            return ""
        return self.remark.text if self.remark is not None else self.lesson.question or self.lesson.shows

    @property
    def remark_seconds(self) -> float:
        """Seconds for which the newest remark stays before another one replaces it."""
        if self.lesson is None:
            return 0.0
        return self.reading_seconds(self._newest_text(self.lesson))

    def _newest_text(self, lesson: Lesson) -> str:
        return lesson.remarks[self.shown[-1]].text if self.shown else lesson.question or lesson.shows

    def reading_seconds(self, *texts: str) -> float:
        """Return the seconds that it takes to read some texts."""
        return max(sum(len(text.split()) for text in texts) * 60 / self.words_per_minute, SHORTEST)

    def previous_remark(self) -> bool:
        """Go back to the previous remark. Returns whether there is one."""
        if self.page == 0:
            return False
        self.page -= 1
        return True

    def next_remark(self, now: float) -> Remark | bool:
        """Go on to the next remark. Returns a waiting remark that appears now, else whether there is a next one."""
        if self.page < len(self.shown) - 1:
            self.page += 1
            return True
        return self._show_next(now) if self.waiting else False

    def finished(self, over: bool, now: float, rest: float) -> bool:
        """Return whether all remarks and the texts of the lesson have been read, at least `rest` seconds ago."""
        if self.lesson is None or not over or self.waiting:
            return False
        texts = (self._newest_text(self.lesson), self.lesson.says, self.lesson.truth)
        return now >= self._since + self.reading_seconds(*texts) + rest

    def remark_steps(self, state: RunState) -> tuple[float, ...]:
        """Return the steps at which remarks have appeared, for the marks on the charts."""
        remarks: Sequence[Remark] = self.lesson.remarks if self.lesson is not None else ()
        steps = (step_of(remarks[index], state) for index in self.shown)
        return tuple(sorted({step for step in steps if step is not None}))
