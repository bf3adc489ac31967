"""Runs that differ only in their seed as one band: values against numpy, and what the chart says of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ui.dashboard.test_context import RecordingContext
from tests.ui.fake_session import running, started, trained
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.state.seed_band import last_and_best
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.model import ChartData, Curve
from tui_trainer.ui.charts.registry import ChartKind, chart_data, values_at
from tui_trainer.ui.charts.seeds.groups import drawn_groups
from tui_trainer.ui.charts.seeds.mean import spreads
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard.actions.chart_actions import ChartActions

SEEDS, STEPS = 5, 60
PLAIN = View(smoothing=0)


def _run(seed: int, losses: np.ndarray, *, lr: float = 0.1, pace: float = 1.0) -> RunState:
    config = {"optimizer": {"lr": lr}, "training": {"epochs": 6, "seed": seed}}
    state = RunState(run=f"digits-lr-{lr}/seed-{seed}")
    state.apply(ev.RunStarted(config=config, steps_per_epoch=10, epochs=6))
    steps = list(range(1, len(losses) + 1))
    values: dict[str, list[float | None]] = {"train_loss": losses.tolist(), "reward/mean": (losses + 1).tolist()}
    state.apply(ev.Scalars(step=steps[-1], steps=steps, seconds=[step * pace for step in steps], values=values))
    for epoch in range(1, len(losses) // 10 + 1):
        metrics = {"val_loss": float(losses[epoch * 10 - 1])}
        state.apply(ev.EpochEnded(step=epoch * 10, epoch=epoch, seconds=epoch * 10 * pace, metrics=metrics))
    state.apply(ev.RunFinished(reason="completed", step=steps[-1], epoch=6))
    return state


@pytest.fixture
def losses() -> np.ndarray:
    return np.random.default_rng(3).normal(2.0, 0.3, (SEEDS, STEPS))


@pytest.fixture
def runs(losses: np.ndarray) -> list[RunState]:
    return [_run(seed, row) for seed, row in enumerate(losses)]


def _curves(data: ChartData, role: str) -> list[Curve]:
    return [layer for layer in data.layers if isinstance(layer, Curve) and layer.role == role]


@pytest.mark.parametrize("pane", [ChartKind.LOSS, SeriesChart("reward/mean", ("reward/mean",))])
def test_line_and_band_are_mean_and_sample_deviation(pane: ChartKind, runs: list[RunState], losses: np.ndarray) -> None:
    values = losses if pane is ChartKind.LOSS else losses + 1
    data = chart_data(pane, runs, 2, PLAIN, 120, 20)
    (line,) = _curves(data, "train")
    (band,) = _curves(data, "train-band")
    assert line.low == pytest.approx(values.mean(axis=0))
    assert band.low == pytest.approx(values.mean(axis=0) - values.std(axis=0, ddof=1))
    assert band.high == pytest.approx(values.mean(axis=0) + values.std(axis=0, ddof=1))
    assert "mean of 5 seeds ± deviation" in [note.text for note in data.notes]
    at_end = f"{values[:, -1].mean():.4g} ± {values[:, -1].std(ddof=1):.2g}"
    assert at_end in data.legend[0].text


def test_the_cursor_reads_mean_and_deviation_off(runs: list[RunState], losses: np.ndarray) -> None:
    view = View(smoothing=0, cursor=30.0)
    text = f"{losses[:, 29].mean():.4g} ± {losses[:, 29].std(ddof=1):.2g}"
    assert text in chart_data(ChartKind.LOSS, runs, 0, view, 120, 20).legend[0].text
    assert ("train loss, 5 seeds", text) in values_at(runs, 0, view)
    assert ("val loss, 5 seeds", text) in values_at(runs, 0, view)


def test_smoothing_comes_before_the_mean(runs: list[RunState], losses: np.ndarray) -> None:
    (line,) = _curves(chart_data(ChartKind.LOSS, runs, 0, View(smoothing=10), 120, 20), "train")
    assert line.low[-1] == pytest.approx(losses[:, -10:].mean(), abs=0.02)


def test_bands_are_drawn_from_three_seeds_on_unless_chosen(runs: list[RunState], losses: np.ndarray) -> None:
    assert drawn_groups(runs, None) == ((0, 1, 2, 3, 4),)
    assert drawn_groups(runs[:2], None) == ()
    assert drawn_groups(runs[:2], True) == ((0, 1),)
    every = chart_data(ChartKind.LOSS, runs, 0, View(smoothing=0, band=False), 120, 20)
    assert [entry.text.split()[0] for entry in every.legend[2:]] == ["seed-1", "seed-2", "seed-3", "seed-4"]
    other = [_run(seed, row * 2, lr=0.2) for seed, row in enumerate(losses)]
    both = chart_data(ChartKind.LOSS, [*runs, *other], 6, PLAIN, 120, 20)
    assert [entry.text.split()[0] for entry in both.legend] == ["digits-lr-0.2", "val", "digits-lr-0.1"]
    assert f"{losses[:, -1].mean():.4g} ±" in both.legend[2].text


def test_a_frame_costs_a_pass_over_the_columns_of_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    long = [_run(seed, np.linspace(2, 1, 20_000) + seed) for seed in range(SEEDS)]
    asked: list[int] = []
    columns = Series.columns

    def spy(series: Series, edges: list[float]) -> object:
        asked.append(len(edges))
        return columns(series, edges)

    monkeypatch.setattr(Series, "columns", spy)
    chart_data(SeriesChart("reward/mean", ("reward/mean",)), long, 0, View(), 120, 20)
    assert sum(asked) < SEEDS * 4 * 240


def test_runs_of_another_pace_meet_between_their_values_over_time(losses: np.ndarray) -> None:
    assert spreads([[1.0, None, 3.0], [None, 4.0, None]]) == [None, (3.0, pytest.approx(2**0.5)), None]
    runs = [_run(seed, np.full(STEPS, 1.0 + seed), pace=1 + seed / 10) for seed in range(3)]
    data = chart_data(ChartKind.LOSS, runs, 0, View(smoothing=0, axis="time"), 120, 20)
    for line in _curves(data, "train"):
        assert line.low == pytest.approx([2.0] * len(line.low))


def test_a_band_below_zero_can_be_drawn_on_a_logarithmic_axis(losses: np.ndarray) -> None:
    runs = [_run(seed, row) for seed, row in enumerate(np.abs(losses) ** np.arange(0, 50, 10)[:, None])]
    data = chart_data(ChartKind.LOSS, runs, 0, View(smoothing=0, log={"loss": True}), 120, 20)
    assert data.y.log
    assert 0 < data.y.low < data.y.high


def test_last_and_best_over_seeds(runs: list[RunState], losses: np.ndarray) -> None:
    summary = last_and_best(runs, "train_loss")
    assert summary is not None
    assert summary.last == pytest.approx((losses[:, -1].mean(), losses[:, -1].std(ddof=1)))
    assert summary.best == pytest.approx((losses.min(axis=1).mean(), losses.min(axis=1).std(ddof=1)))
    assert last_and_best(runs, "val_accuracy") is None


def test_a_key_switches_between_the_band_and_every_run() -> None:
    session = running("set/seed-0", "set/seed-1", steps=100)
    context = RecordingContext(session)
    handlers = ChartActions(context).handlers()
    handlers["seed_band"]()
    assert context.messages[-1] == "no two runs of this set differ only in their seed"
    for seed, run in enumerate(session.runs):
        session.play(started(config={"training": {"seed": seed}}), *trained(50, first=101), run=run)
    context.view_state.store.poll()
    handlers["seed_band"]()
    assert context.view_state.view.band is True
    assert context.messages[-1] == "mean of 2 seeds ± deviation"
    handlers["seed_band"]()
    assert context.view_state.view.band is False
    assert session.sent == []
