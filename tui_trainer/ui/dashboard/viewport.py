"""What keys do to the view: pure steps from one look to the next. Spans and the cursor are in steps."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.charts.view import SMOOTHING, View

CLOSER = 0.5
"""Share of the span that remains when zooming in once."""
NARROWEST = 4.0
"""Steps that are always in sight."""

Span = tuple[float, float]


def extent(state: RunState | None) -> Span:
    """The whole run, with what is still to come."""
    if state is None:
        return 0.0, 1.0
    return 0.0, float(max(state.total_steps, state.step, 1))


def zoomed(view: View, share: float, sight: Span, whole: Span, around: float) -> View:
    """A span `share` as wide as what is in sight, the step `around` staying in its place.

    The whole run where it would be as wide as that.
    """
    left, right = sight
    width = max((right - left) * share, NARROWEST)
    if width >= whole[1] - whole[0]:
        return replace(view, span=None)
    place = (min(max(around, left), right) - left) / max(right - left, 1e-9)
    return replace(view, span=_within(around - place * width, width, whole))


def panned(view: View, share: float, whole: Span) -> View:
    """The span moved by a share of its width; the whole run has nowhere to go."""
    if view.span is None:
        return view
    left, right = view.span
    return replace(view, span=_within(left + (right - left) * share, right - left, whole))


def spanned(view: View, span: Span | None, whole: Span) -> View:
    """The view of a span, no narrower than can be read and no wider than the run."""
    if span is None:
        return replace(view, span=None)
    width = max(span[1] - span[0], NARROWEST)
    if width >= whole[1] - whole[0]:
        return replace(view, span=None)
    return replace(view, span=_within((span[0] + span[1] - width) / 2, width, whole))


def _within(left: float, width: float, whole: Span) -> Span:
    left = min(max(left, whole[0]), max(whole[1] - width, whole[0]))
    return left, left + width


def cursor_moved(view: View, columns: int, width: int, sight: Span, state: RunState) -> View:
    """The cursor so many columns on, for charts that are `width` columns wide; it begins at the newest step."""
    stride = max((sight[1] - sight[0]) / max(width, 1), 1.0)
    if view.cursor is None:
        return cursor_at(view, min(float(state.step), sight[1]), state)
    return cursor_at(view, round(view.cursor + columns * stride), state)


def cursor_at(view: View, step: float, state: RunState) -> View:
    """The cursor at a step that was taken; a span that does not hold it is moved."""
    step = min(max(step, 0.0), float(state.step))
    view = replace(view, cursor=step)
    if view.span is not None and not view.span[0] <= step <= view.span[1]:
        width = view.span[1] - view.span[0]
        view = replace(view, span=_within(step - width / 2, width, extent(state)))
    return view


def zoom_switched(view: View, state: RunState | None) -> View:
    """Close to the cursor or to the newest steps; from there back to the whole run."""
    if view.span is not None:
        return replace(view, span=None)
    whole = extent(state)
    newest = float(state.step) if state is not None else 0.0
    around = view.cursor if view.cursor is not None else newest
    width = max((newest - whole[0]) / 4, NARROWEST)
    if width >= whole[1] - whole[0]:
        return view
    left = around - width / 2 if view.cursor is not None else newest - width
    return replace(view, span=_within(left, width, whole))


def smoother(view: View) -> View:
    """The next smoothing: automatic, none, then wider and wider, and automatic again."""
    steps = (None, *SMOOTHING)
    return replace(view, smoothing=steps[(steps.index(view.smoothing) + 1) % len(steps)])


def smoothing_words(view: View) -> str:
    """The smoothing as a person reads it."""
    if view.smoothing is None:
        return "smoothing follows the zoom"
    return f"smoothed over {view.smoothing} steps" if view.smoothing else "not smoothed"


def neighbour_mark(state: RunState, cursor: float | None, forward: bool) -> Mark | None:
    """The intervention after the cursor, or before it; without a cursor the newest one. None past the ends."""
    marks = sorted(state.marks, key=lambda mark: mark.step)
    if cursor is None:
        return marks[-1] if marks else None
    if forward:
        return next((mark for mark in marks if mark.step > cursor), None)
    return next((mark for mark in reversed(marks) if mark.step < cursor), None)
