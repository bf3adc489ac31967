"""Names of series in titles and legends."""

from __future__ import annotations

import pytest

from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.composed.catalog import own_charts
from tui_trainer.ui.charts.labels.series_labels import LONGEST, series_labels
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.plot import draw


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["a/x", "a/y"], ["a/x", "a/y"]),
        (["class/0/precision", "class/1/precision"], ["0/precision", "1/precision"]),
        (["shifted/class/0/recall", "class/0/recall"], ["shifted/class", "class"]),
        (["one", f"other/{'x' * 40}"], ["one", "…xxxxxxxxxxxxxxx"]),
    ],
)
def test_labels_keep_what_tells_names_apart(names: list[str], labels: list[str]) -> None:
    assert series_labels(names) == labels
    assert max(map(len, labels)) <= LONGEST


@pytest.mark.parametrize("width", [30, 45])
def test_the_title_of_a_small_chart_holds_name_and_value(width: int) -> None:
    state = RunState(run="classes")
    name = "class/7/precision"
    state.apply(ev.Scalars(step=3, steps=[1, 2, 3], seconds=[1, 2, 3], values={name: [0.5, 0.75, 0.875]}))
    (chart,) = own_charts(state.series)
    title = draw(chart_data(chart, [state], 0, View(), width, 9), width, 9, palette())[0].text
    assert name in title
    assert "0.875" in title
