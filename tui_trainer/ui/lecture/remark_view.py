"""Set run, chart, axis and range to those that a remark speaks of."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.config.lesson import Remark
from tui_trainer.ui.charts.registry import pane_named
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.panels.progress import variant_of

ALL = "all"
"""Value of a remark's `show` for all charts."""


def apply(remark: Remark, state: ViewState) -> None:
    """Put the run, the chart, the axis and the range of a remark in front, without the zoom of the one before."""
    if remark.run:
        names = [variant_of(run) for run in state.states]
        if remark.run in names:
            state.selected_index = names.index(remark.run)
    view = replace(state.view, span=remark.x, cursor=None)
    if remark.axis is not None:
        view = replace(view, axis=remark.axis)
    if remark.log_y is not None:
        view = replace(view, log_y=remark.log_y, log={})
    state.view = view
    state.alone, state.mark = False, None
    if remark.show:
        pane = pane_named(remark.show, state.states, state.selected_index)
        if pane is not None or remark.show == ALL:
            state.maximized = pane
