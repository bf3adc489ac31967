"""The forecast of the validation loss: its fit, its interval, and where it keeps silent."""

from __future__ import annotations

import math
import random

import pytest

from tui_trainer.diagnosis.forecast.forecast import LEAST, extrapolate, forecast, has_missed
from tui_trainer.diagnosis.forecast.of_run import change_text, gain_line, gain_of
from tui_trainer.diagnosis.forecast.tail_fit import fit_tail
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState


def curve(count: int, noise: float = 0.0, power: float = 1.0, seed: int = 0) -> list[float]:
    rng = random.Random(seed)
    return [0.2 + 1.5 * epoch**-power + noise * rng.gauss(0, 1) for epoch in range(1, count + 1)]


def run_with(losses: list[float], *, planned: int = 40, over: bool = False) -> RunState:
    state = RunState(run="run")
    state.apply(ev.RunStarted(steps_per_epoch=10, epochs=planned, device="cpu"))
    for epoch, loss in enumerate(losses, 1):
        state.apply(ev.EpochEnded(step=10 * epoch, epoch=epoch, seconds=2.0 * epoch, metrics={"val_loss": loss}))
    if over:
        state.apply(ev.RunFinished(reason="completed", detail=""))
    return state


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_a_power_law_is_found_again(power):
    fit = fit_tail([float(epoch) for epoch in range(5, 25)], curve(24, power=power)[4:])
    assert (fit.level, fit.slope, fit.power) == pytest.approx((0.2, 1.5, power), rel=1e-6)


def test_a_point_that_lies_apart_changes_little():
    losses = curve(20, noise=0.002)
    clean = fit_tail([float(epoch) for epoch in range(1, 21)], losses)
    losses[12] = 3.0
    assert fit_tail([float(epoch) for epoch in range(1, 21)], losses).at(30) == pytest.approx(clean.at(30), abs=0.02)


def test_the_interval_holds_the_change_and_widens_with_the_distance_and_the_noise():
    epochs = [float(epoch) for epoch in range(1, 21)]
    near, far = (forecast(epochs, curve(20, 0.003), ahead) for ahead in (3, 10))
    loud = forecast(epochs, curve(20, 0.012), 10)
    assert near is not None
    assert far is not None
    assert loud is not None
    assert far.low <= 1.5 / 30 - 1.5 / 20 <= far.high
    assert near.high - near.low < far.high - far.low < loud.high - loud.low


@pytest.mark.parametrize(
    "losses",
    [
        curve(LEAST - 1),
        [0.5] * 20,
        [*curve(20), 2.0, 2.1, 2.2],
        [*curve(12), math.nan, 0.4],
        [0.95 if epoch % 2 else 0.24 for epoch in range(20)],
    ],
    ids=["short", "flat", "jump", "nan", "noise"],
)
def test_it_keeps_silent(losses):
    assert forecast([float(epoch) for epoch in range(1, len(losses) + 1)], losses, 10) is None


def overfitting(count: int, slope: float = 0.012) -> list[float]:
    """A loss that falls at first and rises from the tenth epoch on, ever faster."""
    noise = random.Random(1)
    return [
        0.3 + 1.5 / epoch + slope * max(epoch - 10, 0) ** 1.5 + 0.004 * noise.gauss(0, 1)
        for epoch in range(1, count + 1)
    ]


def test_it_keeps_silent_where_its_own_forecasts_missed():
    losses = overfitting(20)
    epochs = [float(epoch) for epoch in range(1, 21)]
    assert extrapolate(epochs, losses, 10) is not None
    assert has_missed(epochs, losses)
    assert forecast(epochs, losses, 10) is None


@pytest.mark.parametrize("seed", range(20))
def test_forecasts_of_a_power_law_have_not_missed(seed):
    losses = curve(20, noise=0.004, power=0.5, seed=seed)
    assert not has_missed([float(epoch) for epoch in range(1, 21)], losses)


@pytest.mark.parametrize("count", range(4))
def test_few_validations_have_no_forecasts_that_could_miss(count):
    assert not has_missed([float(epoch) for epoch in range(1, LEAST + count + 1)], curve(LEAST + count))


def test_a_line_says_it_with_interval_and_time():
    state = run_with(curve(20, 0.004), over=True)
    gain = gain_of(state)
    assert gain is not None
    assert gain.seconds == pytest.approx(20)
    line = gain_line(state)
    assert line.startswith("10 more epochs: val loss about -0.0")
    assert line.endswith("), 20 s")
    assert f"({gain.forecast.low:.3f} to " in line or f"({gain.forecast.low:.2f} to " in line


def test_it_looks_to_the_end_of_the_run():
    assert run_with(curve(20)).epochs == 40
    running = gain_of(run_with(curve(20, 0.004), planned=26))
    assert running is not None
    assert running.forecast.epochs == 6
    assert gain_of(run_with(curve(20, 0.004), planned=22)) is None


def test_an_intervention_begins_another_curve():
    state = run_with(curve(20, 0.004))
    assert gain_of(state) is not None
    state.apply(
        ev.SettingChanged(step=180, name="lr", value=0.1, previous=0.2, cause=cmd.SetLearningRate(value=0.1, id="a"))
    )
    assert gain_of(state) is None


def test_digits_follow_the_interval():
    found = forecast([float(epoch) for epoch in range(1, 21)], curve(20, 0.003), 10)
    assert found is not None
    assert "-0.000" not in change_text(found).replace("-0.0001", "")
