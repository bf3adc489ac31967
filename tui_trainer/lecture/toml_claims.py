"""The checks of a course whose claims stand in its lessons, as TOML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from tui_trainer.config.preset import load
from tui_trainer.config.teaching.claim import Claim, parse_measure
from tui_trainer.config.teaching.course import Course, claims_of
from tui_trainer.config.trust import check_trust
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.lecture.claims import Bound, Measured
from tui_trainer.lecture.outline import lesson_tables
from tui_trainer.lecture.registry import Check
from tui_trainer.lecture.training_cache import TrainingCache, Variants

Sourced = tuple[str, str, Claim]
"""File of the lesson, key path of the claim, and the claim."""


def checks_of(course: Course, *, trust: bool = False) -> dict[str, Check]:
    """Return a check for each row of a course that has claims, in the order of the rows.

    Raises:
        UserError: a lesson or a claim is invalid, a lesson would import code without `trust`, or there is no claim.
    """
    files = course.lesson_files()
    by_row: dict[str, dict[str, list[Sourced]]] = {}
    for name, table in lesson_tables(course).items():
        path = str(files[name])
        check_trust(load(path).runs.values(), path, trust)
        for number, claim in enumerate(claims_of(table, course, path)):
            by_row.setdefault(claim.row, {}).setdefault(name, []).append((path, f"claims.{number}", claim))
    if not by_row:
        raise UserError(f"{course.folder}: no lesson has claims to check; write them as [[claims]]")
    return {
        row: Check(row, tuple(by_row[row]), partial(_measure, [one for found in by_row[row].values() for one in found]))
        for row in course.rows
        if row in by_row
    }


def _measure(claims: Sequence[Sourced], school: TrainingCache) -> Iterator[Measured]:
    for path, key, claim in claims:
        runs = school.runs(path)
        value = _number(runs, claim.left, f"{path}: {key}.left")
        if claim.over:
            divisor = _number(runs, claim.over, f"{path}: {key}.over")
            value = value / divisor if divisor else math.inf
        elif claim.less:
            value -= _number(runs, claim.less, f"{path}: {key}.less")
        yield Measured(claim.claim, value, _bound(claim), claim.of, claim.key, claim.kind)


def _number(runs: Variants, text: str, source: str) -> float:
    """Return a number of a run, infinity where it was not finite. Raises `UserError` where it was not measured."""
    measure = parse_measure(text)
    run = runs[measure.run]
    known = sorted({name for end in run.epochs for name in end.metrics})
    if known and measure.metric not in known:
        near = did_you_mean(measure.metric, known)
        raise UserError(f"{source}: {text!r}: {measure.metric!r} was not measured; {near}")
    if measure.at is None:
        return run.best(measure.metric)
    if run.epochs and abs(measure.at) > len(run.epochs):
        if run.diverged:
            return math.inf
        raise UserError(f"{source}: {text!r}: the run has {len(run.epochs)} epochs")
    return math.inf if run.diverged and measure.at == -1 else run.at(measure.at, measure.metric)


def _bound(claim: Claim) -> Bound:
    if claim.exactly is not None:
        return Bound(value=claim.exactly)
    low = claim.at_least if claim.at_least is not None else -math.inf
    high = claim.at_most if claim.at_most is not None else math.inf
    return Bound(low=low, high=high)
