"""A script with Keras on torch that is not edited: its steps are counted and steered, over two calls of fit."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.integrations.conftest import needs
from tests.watching.conftest import Watched

pytestmark = pytest.mark.long
SCRIPT = """
import os, sys
import keras, numpy
keras.utils.set_random_seed(0)
x = numpy.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = x.sum(1, keepdims=True)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5) if sys.argv[1] == "schedule" else 0.1
model.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25)
while sys.argv[1] == "endless":
    model.fit(x, y, epochs=1, batch_size=16, validation_split=0.25)
"""


def test_two_epochs_of_keras(watch: Callable[..., Watched], script: Callable[[str], str]) -> None:
    needs("keras")
    run = watch(sys.executable, script(SCRIPT), "schedule", KERAS_BACKEND="torch")
    code, output = run.end()
    assert code == 0, output
    assert run.series("lr") == pytest.approx({step: 0.1 * 0.5 ** ((step - 1) / 10) for step in range(1, 7)}, rel=1e-5)
    norms = run.series("grad_norm")
    assert sorted(norms) == list(range(1, 7))
    assert all(norm is not None and norm > 0 for norm in norms.values())
    told = run.events("Capabilities")[-1]
    assert (told["epochs"], told["steps_per_epoch"]) == (2, 3)
    assert {event["epoch"] for event in run.events("EpochEnded")} <= {1, 2}
    assert run.events("EpochEnded")[-1]["metrics"]["val_loss"] > 0
    assert run.events("RunStarted")[-1]["model"] == "Sequential"
    refused = run.events("Capabilities")[-1]["refused"]
    assert "LearningRateSchedule ExponentialDecay" in refused["SetLearningRate"]
    assert "clipnorm" in refused["SetClip"]
    assert [(event["reason"], event["step"]) for event in run.events("RunFinished")] == [("completed", 6)]


def test_keras_is_steered_over_two_fits(watch: Callable[..., Watched], script: Callable[[str], str]) -> None:
    needs("keras")
    run = watch(sys.executable, script(SCRIPT), "endless", KERAS_BACKEND="torch")
    run.until(lambda: max(run.series("lr"), default=0) > 9)
    assert run.send("pause")["status"] == "paused"
    step = run.send("set-lr", "value=0.003")["step"]
    assert run.send("resume")["status"] == "running"
    run.until(lambda: max(run.series("lr")) > step + 6)
    rates = run.series("lr")
    assert [rate for at, rate in rates.items() if at <= step] == pytest.approx([0.1] * step)
    assert [rate for at, rate in rates.items() if at > step] == pytest.approx([0.003] * (max(rates) - step))
    assert run.send("undo")["type"] == "RolledBack"
    assert run.send("stop")["status"] == "stopping"
    code, output = run.end()
    assert "KeyboardInterrupt" in output
    finished = run.events("RunFinished")[-1]
    assert (finished["reason"], finished["exit_code"]) == ("stopped", code)
