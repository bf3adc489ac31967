"""A column that a run records is an x axis of the charts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.axes import Ruler
from tui_trainer.ui.charts.history.rising import rising
from tui_trainer.ui.charts.view import AXES, View


def run_with_tokens() -> RunState:
    state = RunState()
    state.apply(ev.RunStarted(epochs=1, steps_per_epoch=5))
    tokens = [128.0, 256.0, 256.0, 640.0, 1024.0]
    state.apply(ev.Scalars(steps=[1, 2, 3, 4, 5], seconds=[0.0] * 5, values={"axis/tokens": [*tokens]}))
    return state


def test_a_recorded_column_follows_the_axes_of_every_run():
    view, seen = View(axis=AXES[-1]), []
    for _ in range(3):
        view = view.next_axis(("axis/images", "axis/tokens"))
        seen.append(view.axis)
    assert seen == ["axis/images", "axis/tokens", AXES[0]]
    assert View(axis="axis/gone").next_axis().axis == AXES[0]


def test_steps_are_at_the_recorded_count_and_go_on_at_its_mean_pace():
    ruler = Ruler.of(run_with_tokens(), "axis/tokens")
    assert [ruler.position(step) for step in (1, 2, 4, 5)] == [128, 256, 640, 1024]
    assert ruler.position(10) == pytest.approx(2048)
    assert ruler.step(1024) == 5


def test_a_count_that_starts_again_after_a_resume_goes_on_where_it_was():
    state = run_with_tokens()
    state.apply(ev.RunStarted(step=5, epochs=2, steps_per_epoch=5))
    more = ev.Scalars(step=8, steps=[6, 7, 8], seconds=[1.0] * 3, values={"axis/tokens": [100.0, 250.0, 300.0]})
    state.apply(more)
    ruler = Ruler.of(state, "axis/tokens")
    assert [ruler.position(step) for step in (1, 5, 6, 8)] == [128, 1024, 1124, 1324]
    assert [ruler.step(position) for position in (1024, 1124, 1324)] == [5, 6, 8]


def test_steps_that_a_resumed_run_trains_again_are_drawn_at_their_count():
    state = run_with_tokens()
    state.apply(ev.RunStarted(step=2, epochs=2, steps_per_epoch=5))
    tokens = [256.0, 640.0, 1024.0, 1500.0]
    state.apply(ev.Scalars(step=6, steps=[3, 4, 5, 6], seconds=[1.0] * 4, values={"axis/tokens": [*tokens]}))
    ruler = Ruler.of(state, "axis/tokens")
    assert [ruler.position(step) for step in (2, 3, 5, 6)] == [256, 256, 1024, 1500]


@given(st.lists(st.tuples(st.integers(5, 9), st.booleans()), min_size=1, max_size=60))
def test_a_rising_count_is_the_sum_of_what_was_counted(parts: list[tuple[int, bool]]):
    series, counted, total = Series(), 0.0, [0.0]
    for step, (size, again) in enumerate(parts, 1):
        # A count that starts again above where it was cannot be told from one that goes on.
        counted = float(size) if again and size < counted else counted + size
        series.append(step, counted)
        total.append(total[-1] + size)
    assert list(rising(series).values) == total[1:]


def test_a_roll_back_takes_the_count_of_its_checkpoint_up_again():
    series = Series()
    for step, count in enumerate([10.0, 20.0, 30.0, 40.0, 50.0, 30.0, 40.0], 1):
        series.append(step, count)
    assert list(rising(series).values) == [10, 20, 30, 40, 50, 60, 70]


def test_a_long_count_that_starts_again_rises_to_its_sum():
    series = Series()
    for step in range(1, 50_001):
        series.append(step, float(step % 10_000 or 10_000))
    result = rising(series)
    assert result.last == pytest.approx(50_000, rel=0.001)
    assert [result.at(step)[1] for step in (9_000, 25_000, 41_000)] == pytest.approx(  # type: ignore[index]
        [9_000, 25_000, 41_000], rel=0.02
    )


def test_a_run_without_the_column_is_drawn_by_its_steps():
    assert Ruler.of(run_with_tokens(), "axis/images").position(4) == 4
