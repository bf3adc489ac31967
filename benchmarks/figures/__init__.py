"""The figures by name: each is a function that measures and returns rows of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.statistics import Row


@dataclass(frozen=True, slots=True)
class Effort:
    """The rounds of each figure, whether long runs are shortened, and a file that keeps the trainings of `find-lr`."""

    rounds: int = 7
    quick: bool = False
    keep: Path | None = None

    def fewer(self, rounds: int) -> int:
        """Return the number of rounds, limited to `rounds`."""
        return min(self.rounds, rounds)


Figure = Callable[[Effort], list[Row]]


def figures() -> dict[str, Figure]:
    """Return every figure by name, in the order of the table."""
    from benchmarks.figures import (  # fmt: skip
        drawing,
        finding_rates,
        following,
        journal,
        keys,
        lists,
        logs,
        opening,
        passes,
        quiet,
        ranks,
        rivals,
        saving,
        scripts,
        spare,
        starting,
        steering_ranks,
        training,
        viewers,
    )

    return {
        "steps": training.digits_mlp,
        "steps-2": training.two_threads,
        "steps-cnn": training.digits_cnn,
        "steps-char": training.char_lm,
        "layers": training.layers,
        "passes": passes.passes,
        "rivals": rivals.digits_mlp,
        "rivals-cnn": rivals.digits_cnn,
        "frame": starting.first_frame,
        "cli": starting.commands,
        "spare": spare.spare,
        "keys": keys.key_to_screen,
        "lists": lists.home,
        "lists-cli": lists.commands,
        "names": drawing.names,
        "slow-line": keys.slow_line,
        "open-1m": opening.million,
        "open-100k": opening.hundred_thousand,
        "logs": logs.million,
        "logs-tree": logs.tree,
        "logs-growing": logs.growing,
        "viewers": viewers.others,
        "follow": following.five_million,
        "quiet": quiet.finished,
        "live": quiet.ten_steps,
        "stream": quiet.streaming,
        "redraw": drawing.redraw,
        "journal": journal.journal,
        "saving": saving.saving,
        "monitor": scripts.monitor,
        "integrations": rivals.integrations,
        "find-lr": finding_rates.finding_rates,
        "ranks-1000": ranks.thousand,
        "ranks-steering-2": steering_ranks.two,
        "ranks-steering-4": steering_ranks.four,
    }
