"""Check rows for several seeds and measure the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tui_trainer.lecture.claims import Measured, Verdict, collect
from tui_trainer.lecture.registry import Check
from tui_trainer.lecture.training_cache import TrainingCache

Tell = Callable[[str], None]


def check(wanted: Sequence[Check], seeds: Sequence[int], tell: Tell = lambda line: None) -> list[Verdict]:
    """Return the verdicts of the rows, in order.

    A seed's runs are shared by all rows and let go before the next seed begins.

    Raises:
        UserError: a preset cannot be built, or an error ended one of its runs.
    """
    found: dict[str, list[list[Measured]]] = {one.row: [] for one in wanted}
    for seed in seeds:
        school = TrainingCache(seed, lambda line, seed=seed: tell(f"seed {seed}: training {line}"))
        for one in wanted:
            begun = time.process_time()
            found[one.row].append(list(one.measure(school)))
            tell(f"seed {seed}: {one.row} measured in {time.process_time() - begun:.1f} s of computing")
    return [verdict for one in wanted for verdict in collect(one.row, found[one.row])]
