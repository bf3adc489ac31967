"""Histograms over the steps: shades, the cursor, the groups, and zoom."""

from __future__ import annotations

import statistics

import pytest

from tests.ui.fake_session import app_over, press, running, screen_text, show
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Counts, Histogram, taken
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.model import ChartData, Field, MarkerLine
from tui_trainer.ui.charts.registry import PicturePane, chart_data
from tui_trainer.ui.charts.view import View


def shot(step: int) -> ev.PictureTaken:
    """Values around 0 at first, around 3 from step 50 on."""
    low = 0.0 if step < 50 else 3.0
    groups = (
        Counts(name="hidden", low=low - 1, high=low + 1, counts=(1, 8, 8, 1)),
        Counts(name="output", low=10, high=20, counts=(1, 1)),
    )
    return taken("histograms", Histogram(title="weights", groups=groups), {}, step=step, epoch=step // 10)


@pytest.fixture
def state() -> RunState:
    run = RunState(run="digits")
    run.apply(ev.RunStarted(title="digits", steps_per_epoch=10, epochs=10))
    run.apply(ev.Scalars(steps=[1, 100], seconds=[0.1, 10.0], values={"train_loss": [1.0, 0.5]}))
    run.apply(*(shot(step) for step in range(0, 101, 10)))
    return run


def drawn(state: RunState, **view: object) -> ChartData:
    return chart_data(PicturePane("histograms", 7), [state], 0, View(**view), 76, 20)  # type: ignore[arg-type]


def field_of(chart: ChartData) -> Field:
    return next(layer for layer in chart.layers if isinstance(layer, Field))


def middle(chart: ChartData, column: int) -> float:
    """The mean of a column of cells, by its shades."""
    field = field_of(chart)
    size = (chart.y.high - chart.y.low) / len(field.values)
    cells = [(chart.y.low + (row + 0.5) * size, values[column] or 0.0) for row, values in enumerate(field.values)]
    return sum(at * share for at, share in cells) / sum(share for _, share in cells)


def test_steps_go_across_and_values_up(state):
    chart = drawn(state)
    columns = len(field_of(chart).values[0])
    assert middle(chart, 0) == pytest.approx(0, abs=0.3)
    assert middle(chart, columns - 1) == pytest.approx(3, abs=0.3)
    halfway = next(index for index in range(columns) if middle(chart, index) > 1.5)
    assert chart.steps[halfway] == pytest.approx(50, abs=4)


def test_the_largest_share_has_the_brightest_shade_and_a_bin_without_values_none(state):
    field = field_of(drawn(state))
    known = [value for row in field.values for value in row if value is not None]
    assert field.levels[-1] < max(known)
    assert min(known) > 0
    assert any(value is None for row in field.values for value in row)
    assert list(field.levels) == sorted(field.levels)


def test_the_title_reads_off_the_histogram_at_the_cursor(state):
    newest = " ".join(entry.text for entry in drawn(state).legend)
    assert "median 3" in newest
    assert "step 100" in newest
    chart = drawn(state, cursor=23.0)
    early = " ".join(entry.text for entry in chart.legend)
    assert "step 20" in early
    low, high = (float(word) for word in early.split("90 % in ")[1].split(" step")[0].split(" to "))
    values = [place for place, count in ((-0.75, 1), (-0.25, 8), (0.25, 8), (0.75, 1)) for _ in range(count)]
    quantiles = statistics.quantiles(values, n=20)
    assert low == pytest.approx(quantiles[0], abs=0.3)
    assert high == pytest.approx(quantiles[-1], abs=0.3)
    assert any(isinstance(layer, MarkerLine) for layer in chart.layers)


def test_a_zoom_shows_a_part_of_the_steps(state):
    chart = drawn(state, span=(0.0, 40.0))
    assert (chart.steps[0], chart.steps[-1]) == (0.0, 40.0)
    assert chart.y.high < 2
    assert drawn(state, span=(200.0, 300.0)).message == "no histogram in this part of the run"


def test_the_groups_are_shown_one_after_the_other(state):
    assert "weights hidden" in drawn(state).name
    second = drawn(state, bars=1)
    assert "weights output" in second.name
    assert any(note.text == "2 of 2" for note in second.notes)
    assert second.y.low >= 9


async def test_b_shows_the_next_group():
    session = running()
    session.play(*(shot(step) for step in range(0, 101, 10)))
    app = app_over(session)
    async with show(app, (120, 40)) as pilot:
        await press(pilot, "7")
        assert "weights hidden" in screen_text(app)
        await press(pilot, "b")
        assert "weights output" in screen_text(app)
        assert "output over time" in screen_text(app)
        await press(pilot, "b")
        assert "weights hidden" in screen_text(app)
        assert session.sent == []
