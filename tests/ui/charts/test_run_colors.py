"""The colours of runs on the charts: their own, whatever the order, and those that were stored."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.palette import HUES


@given(st.lists(st.text(min_size=1, max_size=6), unique=True, min_size=2, max_size=HUES))
def test_up_to_eight_runs_have_colors_of_their_own_in_any_order(names: list[str]):
    colors = run_colors([RunState(run=name) for name in names])
    assert len(set(colors)) == len(names)
    assert run_colors([RunState(run=name) for name in reversed(names)]) == colors[::-1]


def test_a_stored_color_is_kept():
    states = [RunState(run="set/a"), RunState(run="set/b")]
    own = run_colors(states)
    stored = RunState.model_construct(**{**dict(states[1]), "started": SimpleNamespace(color=own[0])})
    colors = run_colors([states[0], stored])
    assert colors[1] == own[0]
    assert colors[0] != own[0]


def test_runs_without_a_name_have_colors():
    assert len(set(run_colors([RunState(), RunState()]))) == 2
