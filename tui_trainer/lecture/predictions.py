"""The answers of a reader to the questions of a lesson, and what the runs on the screen measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.config.lesson import Lesson
from tui_trainer.config.teaching.measured_expression import Lookup, Reference
from tui_trainer.state.run_data import MEAN_TRAIN_LOSS
from tui_trainer.state.run_state import RunState


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer.

    Attributes:
        question: the text of the question.
        answer: what was said and what it was, as a sentence.
        right: whether they agree.
        known: whether the runs measured it.
    """

    question: str
    answer: str
    right: bool
    known: bool


def outcomes(lesson: Lesson, said: Sequence[float | None], states: Sequence[RunState]) -> list[Outcome]:
    """Return what became of the answers; a question that was skipped, None, is left out."""
    lookup = lookup_in(states)
    found: list[Outcome] = []
    for question, given in zip(lesson.questions, said, strict=False):
        if given is not None:
            measured = question.measured(lookup)
            right = question.is_right(given, measured)
            found.append(Outcome(question.text, question.answer_text(given, measured), right, not math.isnan(measured)))
    return found


def lookup_in(states: Sequence[RunState]) -> Lookup:
    """Return a function that reads a reference from the runs of a set; NaN where nothing measured it."""
    by_variant = {state.run.partition("/")[2]: state for state in states}

    def lookup(reference: Reference) -> float:
        state = by_variant.get(reference.run)
        if state is None:
            return math.nan
        return _read(reference, state)

    return lookup


def _read(reference: Reference, state: RunState) -> float:
    if reference.number:
        picture = state.pictures.get(reference.name)
        value = picture.numbers.get(reference.number) if picture is not None else None
        return math.nan if value is None else value
    if reference.name == "epochs":
        return float(state.epoch)
    if reference.name == "steps":
        return float(state.step)
    by_epoch = bool(reference.at) and not reference.at.startswith("s")
    name = MEAN_TRAIN_LOSS if by_epoch and reference.name == "train_loss" else reference.name
    series = state.series.get(name)
    if state.reason == "not-finite" and reference.at == "-1":
        return 0.0 if name.endswith("accuracy") else math.inf
    if series is None:
        return math.nan
    if reference.sign:
        low = reference.sign == "<="
        spans = series.spans()
        reached = (
            first for first, _, least, most in spans if (least <= reference.level if low else most >= reference.level)
        )
        return float(next(reached, math.inf))
    if reference.at == "best":
        values = [value for _, _, least, most in series.spans() for value in (least, most)]
        best = max if reference.name.endswith("accuracy") else min
        return best(values, default=math.nan)
    if reference.at.startswith("s"):
        step = int(reference.at[1:])
    else:
        epoch = int(reference.at)
        epoch = epoch if epoch > 0 else state.epoch + 1 + epoch
        step = epoch * state.steps_per_epoch
    if step > state.step or step < 0:
        return math.nan
    found = series.at(step)
    # A value that was not finite has no point of its own.
    return found[1] if found is not None and found[0] > step - state.steps_per_epoch else math.inf
