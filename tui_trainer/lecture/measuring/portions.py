"""Portions of the work of a check, and how one is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from tui_trainer.lecture.claims import Measured
from tui_trainer.lecture.registry import Check
from tui_trainer.lecture.training_cache import TrainingCache

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Portion:
    """Rows that share presets, and one seed: they train nothing that another portion needs."""

    seed: int
    checks: tuple[Check, ...]


PortionResult = list[list[Measured]]
"""The numbers of each check of a portion."""


def portions(wanted: Sequence[Check], seeds: Sequence[int]) -> list[Portion]:
    """Return the work in portions that can be measured in any order, those of the first seed first."""
    groups: list[list[Check]] = []
    for one in wanted:
        sharing = [group for group in groups if any({*one.presets} & {*other.presets} for other in group)]
        groups = [group for group in groups if group not in sharing]
        groups.append([*(other for group in sharing for other in group), one])
    return [Portion(seed, tuple(group)) for seed in seeds for group in groups]


def measured(portion: Portion, tell: Tell) -> PortionResult:
    """Train what a portion needs and return its numbers.

    Each row begins with one thread for an operation of torch, so that sums are added in the same order everywhere.
    """
    seed = portion.seed
    school = TrainingCache(seed, lambda line: tell(f"seed {seed}: training {line}"))
    numbers: PortionResult = []
    for one in portion.checks:
        torch.set_num_threads(1)
        begun = time.process_time()
        numbers.append(list(one.measure(school)))
        tell(f"seed {seed}: {one.row} measured in {time.process_time() - begun:.1f} s of computing")
    return numbers
