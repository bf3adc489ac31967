"""Zoom, pan and cursor: pure functions from one view to the next. Spans and the cursor are in steps."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.charts.view import SMOOTHING, View

CLOSER = 0.5
"""Share of the span that remains visible after zooming in once."""
NARROWEST = 4.0
"""Width of the narrowest span, in steps."""

Span = tuple[float, float]


def extent(state: RunState | None) -> Span:
    """Return the span of the full run, including the steps still to come."""
    if state is None:
        return 0.0, 1.0
    return 0.0, float(max(state.total_steps, state.step, 1))


def zoomed(view: View, share: float, visible: Span, full: Span, around: float) -> View:
    """Return the view of a span `share` as wide as the visible one, with the step `around` staying in its place.

    Shows the full run where the span would be as wide as that.
    """
    first, last = visible
    width = max((last - first) * share, NARROWEST)
    if width >= full[1] - full[0]:
        return replace(view, span=None)
    position = (min(max(around, first), last) - first) / max(last - first, 1e-9)
    return replace(view, span=_within(around - position * width, width, full))


def panned(view: View, share: float, full: Span) -> View:
    """Move the span by a share of its width. A view of the full run stays as it is."""
    if view.span is None:
        return view
    first, last = view.span
    return replace(view, span=_within(first + (last - first) * share, last - first, full))


def spanned(view: View, span: Span | None, full: Span) -> View:
    """Return the view of a span, widened to `NARROWEST` and clipped to the run; None shows the full run."""
    if span is None:
        return replace(view, span=None)
    width = max(span[1] - span[0], NARROWEST)
    if width >= full[1] - full[0]:
        return replace(view, span=None)
    return replace(view, span=_within((span[0] + span[1] - width) / 2, width, full))


def _within(first: float, width: float, full: Span) -> Span:
    first = min(max(first, full[0]), max(full[1] - width, full[0]))
    return first, first + width


def cursor_moved(view: View, columns: int, width: int, visible: Span, state: RunState) -> View:
    """Move the cursor by columns of charts that are `width` columns wide; a new cursor begins at the newest step."""
    stride = max((visible[1] - visible[0]) / max(width, 1), 1.0)
    if view.cursor is None:
        return cursor_at(view, min(float(state.step), visible[1]), state)
    return cursor_at(view, round(view.cursor + columns * stride), state)


def cursor_at(view: View, step: float, state: RunState) -> View:
    """Put the cursor at a step, clipped to those taken, and move a span that does not contain it."""
    step = min(max(step, 0.0), float(state.step))
    view = replace(view, cursor=step)
    if view.span is not None and not view.span[0] <= step <= view.span[1]:
        width = view.span[1] - view.span[0]
        view = replace(view, span=_within(step - width / 2, width, extent(state)))
    return view


def zoom_switched(view: View, state: RunState | None) -> View:
    """Zoom in on the cursor or the newest steps; from a zoomed view, show the full run."""
    if view.span is not None:
        return replace(view, span=None)
    full = extent(state)
    newest = float(state.step) if state is not None else 0.0
    around = view.cursor if view.cursor is not None else newest
    width = max((newest - full[0]) / 4, NARROWEST)
    if width >= full[1] - full[0]:
        return view
    first = around - width / 2 if view.cursor is not None else newest - width
    return replace(view, span=_within(first, width, full))


def next_smoothing(view: View) -> View:
    """Return the view with the next smoothing: automatic, none, then wider and wider, and automatic again."""
    widths = (None, *SMOOTHING)
    return replace(view, smoothing=widths[(widths.index(view.smoothing) + 1) % len(widths)])


def smoothing_text(view: View) -> str:
    """Describe the smoothing in a few words."""
    if view.smoothing is None:
        return "smoothing: automatic, follows the zoom"
    return f"smoothing: {view.smoothing} steps" if view.smoothing else "smoothing: off"


def neighbour_mark(state: RunState, cursor: float | None, forward: bool) -> Mark | None:
    """Return the intervention after the cursor, or before it; the newest one without a cursor, None past the ends."""
    marks = sorted(state.marks, key=lambda mark: mark.step)
    if cursor is None:
        return marks[-1] if marks else None
    if forward:
        return next((mark for mark in marks if mark.step > cursor), None)
    return next((mark for mark in reversed(marks) if mark.step < cursor), None)
