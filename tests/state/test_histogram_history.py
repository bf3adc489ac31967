"""Histograms over the steps: what merging keeps, and that memory is bounded."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from tui_trainer.components.optimizers.first_order import SGD
from tui_trainer.components.schedulers.builtin import Constant
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.event_records import Restored
from tui_trainer.protocol.pictures import Counts, Histogram, taken
from tui_trainer.state.histogram_history import BINS, COLUMNS, HistogramHistory
from tui_trainer.state.run_state import RunState


def filled(steps: int, low: float = -1.0, high: float = 1.0) -> HistogramHistory:
    history = HistogramHistory()
    for step in range(steps):
        history.append(step, low, high, [1.0, 2.0, 1.0, 4.0])
    return history


def test_each_histogram_adds_up_to_one_and_keeps_its_place():
    history = filled(1)
    (column,) = history.columns
    assert sum(column.shares) == pytest.approx(1)
    size = (history.high - history.low) / BINS
    middle = sum((history.low + (k + 0.5) * size) * share for k, share in enumerate(column.shares))
    # The mean of four bins of 1, 2, 1 and 4 eighths around -0.75, -0.25, 0.25 and 0.75.
    assert middle == pytest.approx(0.25, abs=size)


@pytest.mark.parametrize("steps", [COLUMNS - 1, COLUMNS, COLUMNS + 1, 1000, 7777])
def test_columns_are_merged_and_no_histogram_is_lost(steps):
    history = filled(steps)
    assert len(history.columns) <= COLUMNS
    assert sum(column.count for column in history.columns) == steps
    assert sum(sum(column.shares) for column in history.columns) == pytest.approx(steps)
    assert [history.columns[0].first, history.columns[-1].last] == [0, steps - 1]
    for one, other in zip(history.columns, history.columns[1:], strict=False):
        assert one.last + 1 == other.first
    assert len(json.dumps(history.state_dict())) < 40_000


def test_a_wider_histogram_widens_the_range_and_the_earlier_ones_keep_their_values():
    generator, history = random.Random(0), HistogramHistory()
    samples: list[list[float]] = []
    for step in range(60):
        values = [generator.gauss(step / 10, 1 + step / 20) for _ in range(300)]
        samples.append(values)
        counts, edges = np.histogram(values, bins=32)
        history.append(step, float(edges[0]), float(edges[-1]), counts.tolist())
    size = (history.high - history.low) / BINS
    for column, values in zip(history.columns, samples, strict=True):
        assert history.low <= min(values)
        assert max(values) <= history.high
        mean = sum((history.low + (k + 0.5) * size) * share for k, share in enumerate(column.shares))
        assert mean == pytest.approx(float(np.mean(values)), abs=size)


def test_numbers_that_explode_do_not_hang_or_break_it():
    history = filled(3)
    history.append(10, -1e300, 1e300, [1.0, 1.0])
    history.append(11, -1e308, 1.7e308, [1.0, 1.0])
    history.append(12, 0.0, 1.0, [])
    history.append(13, 0.0, 0.0, [1.0])
    assert [column.last for column in history.columns][:4] == [0, 1, 2, 10]
    assert all(np.isfinite(column.shares).all() for column in history.columns)


def test_steps_that_were_seen_are_ignored():
    history = filled(5)
    history.append(3, -1.0, 1.0, [1.0])
    assert sum(column.count for column in history.columns) == 5


def test_it_comes_back_from_json():
    history = filled(300)
    again = HistogramHistory.from_state_dict(json.loads(json.dumps(history.state_dict())))
    assert (again.low, again.high, again.width) == (history.low, history.high, history.width)
    for one, other in zip(history.columns, again.columns, strict=True):
        assert (one.first, one.last, one.count) == (other.first, other.last, other.count)
        assert list(one.shares) == pytest.approx(list(other.shares), rel=1e-3)
    again.append(300, -1.0, 1.0, [1.0])
    assert again.last_step == 300


def picture(step: int, low: float = -1.0) -> ev.PictureTaken:
    groups = (
        Counts(name="first", low=low, high=1.0, counts=(1.0, 3.0)),
        Counts(name="second", low=0, high=1, counts=(1.0,)),
    )
    return taken("histograms", Histogram(title="weights", groups=groups), {}, step=step)


def test_an_undo_takes_columns_away_and_a_redo_brings_them_back():
    state = RunState(run="digits")
    state.apply(ev.RunStarted(seq=1), *(picture(step).model_copy(update={"seq": 2 + step}) for step in range(20)))
    change = cmd.SetLearningRate(value=0.1, id="rate")
    state.apply(ev.SettingChanged(seq=30, name="lr", value=0.1, previous=1, step=9, cause=change))
    assert set(state.histograms) == {"histograms/first", "histograms/second"}
    restored = Restored(
        from_step=19, undid="rate", seconds=1.0, epochs=1, lr=1.0, clip_grad_norm=0, patience=1, min_delta=0,
        early_stopping=False, bad_epochs=0, optimizer=SGD(),
        plan=LrPlan.begin(Constant(), 1.0, step=0, end=40, steps_per_epoch=5),
    )  # fmt: skip
    back = ev.RolledBack(seq=31, to="lr", from_epoch=0, step=9, restored=restored, cause=cmd.Undo(id="undo"))
    state.apply(back)
    assert state.histograms["histograms/first"].last_step == 9
    state.apply(picture(10, low=-8.0).model_copy(update={"seq": 32}))
    assert state.histograms["histograms/first"].low <= -8
    redone = back.model_copy(
        update={"seq": 33, "restored": restored.model_copy(update={"redone": True}), "cause": cmd.Redo(id="redo")}
    )
    state.apply(redone)
    history = state.histograms["histograms/first"]
    assert [column.first for column in history.columns] == list(range(20))
    assert all(sum(column.shares) == pytest.approx(1) for column in history.columns)
    assert RunState.model_validate_json(state.model_dump_json()).histograms["histograms/first"].last_step == 19
