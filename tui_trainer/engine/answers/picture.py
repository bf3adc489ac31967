"""The answers as a picture that a run takes now and then, at a small share of its time."""

from __future__ import annotations

from time import perf_counter

from tui_trainer.components.pictures import AnswerSamples
from tui_trainer.engine.answers.answering import Question, answer, check
from tui_trainer.engine.pictures.base import PictureContext, PictureResult, PictureSource

SHARE = 0.008
"""Share of the time of the training for which answers are planned. Some take longer than the one before: together they
stay below 1 %. The one at the end comes when the last step has been taken, and is not counted."""
FIRST_COST = 0.02
"""Seconds that the first answer is assumed to take."""


class AnswersPicture(PictureSource[AnswerSamples]):
    """Answers after an epoch, as often as their measured cost allows, and once at the end."""

    def __init__(self, choice: AnswerSamples, context: PictureContext) -> None:
        super().__init__(choice, context)
        self.question = Question(choice.samples, (), choice.prompt, choice.worst)
        """The question of a recorded picture; one that a user asks takes its place."""
        check(self.question, context.setup)
        self.spent = 0.0
        """Seconds that answers took so far, in this process."""
        self._cost = FIRST_COST
        self._began: float | None = None
        """Seconds of training at which this process began with it."""

    def take(self) -> PictureResult | None:
        """Return the answers; None while one more would take too large a share of the time."""
        now = self.state.seconds
        self._began = now if self._began is None else self._began
        self.skipped = not self.state.finishing and self.spent + self._cost > SHARE * (now - self._began)
        if self.skipped:
            return None
        start = perf_counter()
        result = answer(self.setup, self.config, self.question)
        self._cost = perf_counter() - start
        if not self.state.finishing:
            self.spent += self._cost
        return result
