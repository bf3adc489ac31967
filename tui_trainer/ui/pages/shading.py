"""The stretches of steps that the open page or card speaks of, for the charts to mark."""

from __future__ import annotations

from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.panels.findings import headline_of
from tui_trainer.ui.panels.intervention_card import comparison_window

Stretch = tuple[float, float]


def shaded_stretches(state: RunState | None, page: str, mark: Mark | None) -> tuple[Stretch, ...]:
    """Return the steps that the open card compares, else those of the most important finding of the open page."""
    if state is None:
        return ()
    if mark is not None:
        window = comparison_window(state)
        return ((max(float(mark.step - window), 0.0), min(float(mark.step + window), float(state.step))),)
    finding = headline_of(state) if page == "findings" else None
    if finding is None:
        return ()
    first = float(max(finding.epoch - 1, 0) * state.steps_per_epoch)
    return ((min(first, float(state.step)), float(state.step)),)
