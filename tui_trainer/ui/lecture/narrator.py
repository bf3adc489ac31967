"""When each remark of a lesson comes up, how long it stays, and which one is being read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.settings import WORDS_PER_MINUTE

SHORTEST = 2.0
"""Seconds that the shortest remark stays."""


def lesson_of(state: RunState | None) -> Lesson | None:
    """The lesson of a run, as its configuration says it; None where there is none or it cannot be read."""
    table: Any = state.started.config.get("lesson") if state is not None and state.started is not None else None
    if table is None:
        return None
    try:
        return Lesson.model_validate(table)
    except ValidationError:
        return None  # a later version may say more than this one understands: the charts do without


def has_come(remark: Remark, state: RunState, over: bool) -> bool:
    """Whether the moment of a remark has come; `over` says whether every run of the set is."""
    if remark.at is not None:
        return over if remark.at == "end" else state.step > 0 or over
    if remark.epoch is not None:
        return state.epoch >= remark.epoch
    return state.step >= (remark.step or 0)


def told_of(lesson: Lesson, state: RunState) -> list[int]:
    """The remarks that are about a run at all, by their place: other ones where its problem has been turned."""
    data: Any = state.started.config.get("data", {}) if state.started is not None else {}
    turned = bool(data.get("rotation", 0.0) % 90) and any(remark.at == "turned" for remark in lesson.remarks)
    return [place for place, remark in enumerate(lesson.remarks) if (remark.at == "turned") is turned]


def place_of(remark: Remark, state: RunState) -> float | None:
    """The step at which a remark came up; None for the two ends, which need no mark."""
    if remark.epoch is not None:
        return float(remark.epoch * state.steps_per_epoch)
    return None if remark.step is None else float(remark.step)


@dataclass(slots=True)
class Narrator:
    """Tells the remarks of one lesson one after the other, each long enough to be read.

    Attributes:
        words_per_minute: how fast a person reads.
        lesson: what is told; None where the run in front has no lesson.
        told: the remarks that have come up, by their place in the lesson, in the order in which they did.
        waiting: those whose moment has come while another one was being read.
        page: which of `told` is in sight.
        about: the remarks that there are about the run in front.
    """

    words_per_minute: float = WORDS_PER_MINUTE
    lesson: Lesson | None = None
    told: list[int] = field(default_factory=list[int])
    waiting: list[int] = field(default_factory=list[int])
    page: int = 0
    about: list[int] = field(default_factory=list[int])
    _since: float = 0.0
    """When the newest remark came up; before any did, when the lesson began."""

    def listen(self, lesson: Lesson | None, state: RunState, over: bool, now: float, *, late: bool) -> list[Remark]:
        """Look at the run in front; the remarks that come up now, whose look the screen turns to.

        Who comes `late` is told at once what has come up so far: its moments are past, and waiting would bring none
        of them back.
        """
        if lesson != self.lesson:
            self.lesson, self.told, self.waiting, self.page, self._since = lesson, [], [], 0, now
        if lesson is None:
            return []
        known = {*self.told, *self.waiting}
        self.about = told_of(lesson, state)
        come = [place for place in self.about if place not in known and has_come(lesson.remarks[place], state, over)]
        self.waiting += come
        if late:
            return [self._tell(now) for _ in range(len(self.waiting))]
        if self.waiting and (not self.told or now >= self._since + self.seconds):
            return [self._tell(now)]
        return []

    def begin_again(self) -> None:
        """Forget what was told: other runs of the same lesson begin."""
        self.told, self.waiting, self.page = [], [], 0

    def _tell(self, now: float) -> Remark:
        assert self.lesson is not None
        follows = self.page >= len(self.told) - 1
        self.told.append(self.waiting.pop(0))
        if follows:
            self.page = len(self.told) - 1
        self._since = now
        return self.lesson.remarks[self.told[-1]]

    @property
    def remark(self) -> Remark | None:
        """What is in sight, None before the first remark."""
        return self.lesson.remarks[self.told[self.page]] if self.lesson is not None and self.told else None

    @property
    def text(self) -> str:
        """The words in sight: before the first remark what there is to see at all."""
        if self.lesson is None:
            return ""
        return self.remark.text if self.remark is not None else self.lesson.shows

    @property
    def seconds(self) -> float:
        """How long the newest remark stays before another one takes its place."""
        if self.lesson is None:
            return 0.0
        return self.reading(self.lesson.remarks[self.told[-1]].text if self.told else self.lesson.shows)

    def reading(self, *texts: str) -> float:
        """Seconds that it takes to read some texts."""
        return max(sum(len(text.split()) for text in texts) * 60 / self.words_per_minute, SHORTEST)

    def earlier(self) -> bool:
        """Read the remark before; False where there is none."""
        if self.page == 0:
            return False
        self.page -= 1
        return True

    def later(self, now: float) -> Remark | bool:
        """Read the remark after, False where there is none. One that waited its turn comes up, and is returned."""
        if self.page < len(self.told) - 1:
            self.page += 1
            return True
        return self._tell(now) if self.waiting else False

    def done(self, over: bool, now: float, rest: float) -> bool:
        """Whether all has been told and read, what the lecture says and what is true included, `rest` seconds ago."""
        if self.lesson is None or not over or self.waiting:
            return False
        newest = self.lesson.remarks[self.told[-1]].text if self.told else self.lesson.shows
        return now >= self._since + self.reading(newest, self.lesson.says, self.lesson.truth) + rest

    def marks(self, state: RunState) -> tuple[float, ...]:
        """The steps at which remarks have come up."""
        remarks: Sequence[Remark] = self.lesson.remarks if self.lesson is not None else ()
        found = (place_of(remarks[place], state) for place in self.told)
        return tuple(sorted({step for step in found if step is not None}))
