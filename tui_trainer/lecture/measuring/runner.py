"""Check rows for several seeds."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer.lecture.claims import Measured, Verdict, collect
from tui_trainer.lecture.measuring.parallel import measured_in_processes
from tui_trainer.lecture.measuring.portions import Tell, measured, portions
from tui_trainer.lecture.registry import Check


def check(
    wanted: Sequence[Check], seeds: Sequence[int], tell: Tell = lambda line: None, *, processes: int = 1
) -> list[Verdict]:
    """Return the verdicts of the rows, in order; the same to the bit for any number of processes.

    Runs of one seed are shared by the rows that name their preset.

    Args:
        wanted: the checks.
        seeds: what the runs draw from.
        tell: takes lines about the progress.
        processes: how many portions are measured at a time, each in a process of its own.

    Raises:
        UserError: a preset cannot be built, an error ended one of its runs, or a process ended without a result.
    """
    work = portions(wanted, seeds)
    if processes > 1 and len(work) > 1:
        results = measured_in_processes(work, min(processes, len(work)), tell)
    else:
        results = [measured(portion, tell) for portion in work]
    found: dict[tuple[str, int], list[Measured]] = {}
    for portion, result in zip(work, results, strict=True):
        for one, numbers in zip(portion.checks, result, strict=True):
            found[one.row, portion.seed] = numbers
    return [verdict for one in wanted for verdict in collect(one.row, [found[one.row, seed] for seed in seeds])]
