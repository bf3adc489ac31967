"""The processes that train together in a few words: the time of the median one, and the slowest with its name."""

from __future__ import annotations

from tui_trainer.protocol.describe import number
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series_names import RANK


def ranks_text(state: RunState, *, short: bool = False) -> str:
    """Return the text; empty for a run of one process, or one that is over.

    Args:
        short: leave out the median.
    """
    median, worst, slowest = (_last(state, name) for name in ("busy", "busy_worst", "slowest"))
    if median is None or worst is None or slowest is None or state.over:
        return ""
    found = f"worst {int(slowest)}: {number(worst, 2)} ms"
    return found if short else f"ranks {number(median, 2)} ms, {found}"


def _last(state: RunState, name: str) -> float | None:
    series = state.series.get(f"{RANK}/{name}")
    return series.last if series is not None else None
