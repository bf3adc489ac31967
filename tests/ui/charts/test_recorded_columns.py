"""A column that a run records is an x axis of the charts."""

from __future__ import annotations

import pytest

from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.axes import Ruler
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


def test_a_run_without_the_column_is_drawn_by_its_steps():
    assert Ruler.of(run_with_tokens(), "axis/images").position(4) == 4
