"""The stretches of steps that the open page or card speaks of, for the charts to mark."""

from __future__ import annotations

from collections.abc import Collection

from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.panels.findings import shaded_stretch
from tui_trainer.ui.panels.intervention_card import comparison_window

Stretch = tuple[float, float]


def shaded_stretches(
    state: RunState | None, page: str, mark: Mark | None, muted: Collection[str], finding: int
) -> tuple[Stretch, ...]:
    """Return the steps that the open card compares, else those of the selected finding of the open page.

    Args:
        state: the selected run.
        page: the open page.
        mark: the intervention whose card is open.
        muted: the findings that the user muted.
        finding: position of the selected finding.
    """
    if state is None:
        return ()
    if mark is not None:
        window = comparison_window(state)
        return ((max(float(mark.step - window), 0.0), min(float(mark.step + window), float(state.step))),)
    return shaded_stretch(state, frozenset(muted), finding) if page == "findings" else ()
