"""Set run, chart, axis and range to those that a remark speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui_trainer.config.lesson import Remark
from tui_trainer.ui.charts.registry import pane_named
from tui_trainer.ui.charts.view import Axis, Limits
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
        if pane is not None:
            state.view = state.view.with_limits(str(pane), Limits(y=remark.y or (None, None)))


def turn_to(remarks: Sequence[Remark], page: int, state: ViewState) -> None:
    """Put what the remark of a page speaks of in front, with the axis and the scale of its turn.

    Args:
        remarks: those that have appeared, in order; one of them may have changed axis or scale after that turn.
        page: position of the remark.
    """
    apply(remarks[page], state)
    axis, scale = _last_named(remarks[: page + 1])
    later_axis, later_scale = _last_named(remarks)
    if axis is not None or later_axis is not None:
        state.view = replace(state.view, axis=axis or "step")
    if scale is not None or later_scale is not None:
        state.view = replace(state.view, log_y=scale)


def _last_named(remarks: Sequence[Remark]) -> tuple[Axis | None, bool | None]:
    axis, scale = None, None
    for remark in remarks:
        axis = remark.axis if remark.axis is not None else axis
        scale = remark.log_y if remark.log_y is not None else scale
    return axis, scale
