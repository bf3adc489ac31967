"""Rules about several processes that train together: one of them holds up the others."""

from __future__ import annotations

from tui_trainer.diagnosis.actions import elsewhere
from tui_trainer.diagnosis.findings import Finding, Holding
from tui_trainer.diagnosis.history import History

SHARE = 0.2
"""Share of a step that the others lose by it, from which on it is reported."""


def waits_for_data(history: History, _holding: Holding) -> Finding | None:
    """One rank waits for its data for a fifth of each step longer than the median rank."""
    ranks = history.ranks
    step, data, usual = ranks.get("step", 0.0), ranks.get("input_worst", 0.0), ranks.get("input", 0.0)
    if not step or data - usual < SHARE * step:
        return None
    rank = int(ranks.get("input_slowest", 0))
    return Finding(
        "RANK_DATA",
        f"rank {rank} waits {data:.3g} ms for its data in each step of {step:.3g} ms, the median rank {usual:.3g} ms",
        f"look at the disk and the loader of rank {rank}: more workers, a local copy of the data, or smaller files",
        numbers={"rank": float(rank), "input_ms": data, "median_input_ms": usual, "step_ms": step},
        actions=(elsewhere(f"look at the loader of rank {rank}", "no setting of the run makes its disk faster"),),
        curve="rank/input_worst",
    )


def slow(history: History, holding: Holding) -> Finding | None:
    """One rank works a fifth of each step longer than the median rank, and not because of its data."""
    ranks = history.ranks
    step, busy, usual = ranks.get("step", 0.0), ranks.get("busy_worst", 0.0), ranks.get("busy", 0.0)
    if "RANK_DATA" in holding or not step or busy - usual < SHARE * step:
        return None
    rank = int(ranks.get("slowest", 0))
    return Finding(
        "RANK_SLOW",
        f"rank {rank} works {busy:.3g} ms in each step of {step:.3g} ms, the median rank {usual:.3g} ms",
        f"look at what else runs where rank {rank} is: another job, a throttled device, too few cores",
        numbers={"rank": float(rank), "busy_ms": busy, "median_busy_ms": usual, "step_ms": step},
        actions=(elsewhere(f"look at the machine of rank {rank}", "no setting of the run makes it faster"),),
        curve="rank/busy_worst",
    )
