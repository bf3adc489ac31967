"""A registry of the functions that check the rows."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tui_trainer.lecture import checks as check_modules
from tui_trainer.lecture.claims import Measured
from tui_trainer.lecture.training_cache import TrainingCache

Measure = Callable[[TrainingCache], Iterable[Measured]]


@dataclass(frozen=True, slots=True)
class Check:
    """The check of one row.

    Attributes:
        row: its number.
        presets: what it trains.
        measure: from the runs of one seed to the numbers and their thresholds.
    """

    row: str
    presets: tuple[str, ...]
    measure: Measure


_CHECKS: dict[str, Check] = {}


def row(number: str, *presets: str) -> Callable[[Measure], Measure]:
    """Register a function as the check of a row, on runs of these presets."""

    def register(measure: Measure) -> Measure:
        if number in _CHECKS:
            raise ValueError(f"{number} is measured twice")
        _CHECKS[number] = Check(number, presets, measure)
        return measure

    return register


def checks() -> dict[str, Check]:
    """Return all checks by row; imports every module of `checks`."""
    for module in pkgutil.iter_modules(check_modules.__path__):
        importlib.import_module(f"{check_modules.__name__}.{module.name}")
    return dict(_CHECKS)
