"""A rate set by hand survives what the libraries save and load themselves."""

from __future__ import annotations

import pytest
import torch

from tests.integrations.conftest import EPOCHS, STEPS, Train, own_rate
from tui_trainer.components.schedulers.script import ScriptSchedule
from tui_trainer.protocol import commands as cmd

pytestmark = pytest.mark.long
SAVED = 10
"""The step at which the library saves."""
PLAN = {5: [cmd.SetLearningRate(value=0.01)]}


@pytest.mark.parametrize(
    ("library", "saved"), [("transformers", "hf/checkpoint-10"), ("lightning", "saved.ckpt"), ("accelerate", "saved")]
)
def test_a_rate_set_by_hand_goes_on(library: str, saved: str, train: Train) -> None:
    first, _ = train(library, PLAN | {SAVED + 1: [cmd.Stop(when="batch")]}, save=SAVED)
    after = SAVED if library != "accelerate" else 0  # a loop with accelerate counts its steps itself
    # one step later the library's own schedule is asked for
    plan = {2: [cmd.SetScheduler(scheduler=ScriptSchedule())]}
    second, _ = train(library, plan, resume=str(first.runs.parent / saved))
    by_hand = {step: 0.01 * own_rate(library, step) / own_rate(library, 6) for step in range(6, 24)}
    assert first.rates[SAVED] == pytest.approx(by_hand[SAVED + 1], rel=1e-6)
    assert second.rates[:2] == pytest.approx([by_hand[SAVED + 1], by_hand[SAVED + 2]], rel=1e-6)
    given_back = [own_rate(library, step) for step in range(SAVED + 3, EPOCHS * STEPS + 1)]
    assert second.rates[2 : 2 + len(given_back)] == pytest.approx(given_back, rel=1e-6)
    assert torch.equal(second.weights[0], first.weights[SAVED])
    assert second.path != first.path
    [started] = second.events("RunStarted")
    assert started["step"] == after
    assert min(second.series("lr")) == after + 1
    told = [line for event in second.events("Logged") for line in event["lines"]]
    assert any("set by hand goes on" in line for line in told)


@pytest.mark.filterwarnings("ignore")
def test_keras_keeps_its_rate_in_the_model(train: Train) -> None:
    drive, model = train("keras", {3: [cmd.SetLearningRate(value=0.02)]})
    import keras

    path = drive.runs.parent / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path, custom_objects={"Model": type(model)})
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.02)
