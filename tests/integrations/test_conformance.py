"""The same eight commands in four libraries, each obeyed in the optimizer itself, or refused with the reason."""

from __future__ import annotations

import math

import pytest
import torch

from tests.integrations.conftest import EPOCHS, LIBRARIES, RATE, STEPS, Drive, Train, own_rate
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.protocol import commands as cmd

pytestmark = pytest.mark.long
ALL = pytest.mark.parametrize("library", LIBRARIES)


def pause_and_step(drive: Drive) -> None:
    """Pause after this step, take one more, and go on."""
    at = len(drive.rates)
    drive.send(cmd.Pause())

    def steer() -> None:
        drive.until(lambda: drive.state.paused)
        drive.send(cmd.StepOnce(count=1))
        drive.until(lambda: drive.state.step == at + 1 and not drive.state.steps_allowed)
        drive.notes.append(len(drive.rates))
        drive.send(cmd.Resume())

    drive.later(steer)


@ALL
def test_eight_commands(library: str, train: Train) -> None:
    drive, _ = train(
        library,
        {
            2: pause_and_step,
            5: [cmd.SetLearningRate(value=0.01)],
            7: [cmd.SaveCheckpoint(name="here")],
            9: [cmd.SetScheduler(scheduler=Cosine())],
            11: [cmd.RollBack(to="here")],
            14: [cmd.Stop(when="batch")],
        },
    )
    assert drive.refusals == []
    # pause, step, resume: one step was taken while paused
    assert drive.notes == [3]
    statuses = [event["status"] for event in drive.events("StatusChanged")]
    assert statuses[:5] == ["starting", "running", "paused", "paused", "running"]
    # set-lr: the optimizer steps with the rate, which goes on with the shape of the library's own schedule
    own = {step: own_rate(library, step) for step in range(1, 15)}
    by_hand = {step: 0.01 * own[step] / own[6] for step in range(6, 10)}
    base, left = 0.01 * own_rate(library, 10) / own[6], EPOCHS * STEPS - 9
    # set-scheduler: half a cosine over the rest of the training
    cosine = {step: base * (1 + math.cos(math.pi * (step - 10) / left)) / 2 for step in range(10, 15)}
    expected = {step: own[step] for step in range(1, 6)} | by_hand | cosine
    assert dict(enumerate(drive.rates, start=1)) == pytest.approx(expected, rel=1e-5)
    assert drive.series("lr") == pytest.approx(expected, rel=1e-5)
    # save, roll back: the weights after step 11 are those after step 7
    assert "here" in [event["name"] for event in drive.events("CheckpointSaved")]
    assert torch.equal(drive.weights[11], drive.weights[7])
    assert not torch.equal(drive.weights[10], drive.weights[7])
    # stop
    assert len(drive.rates) == 14
    finished = drive.events("RunFinished")[-1]
    assert (finished["reason"], finished["step"]) == ("stopped", 14)


@ALL
def test_each_step_has_its_own_loss(library: str, train: Train) -> None:
    drive, _ = train(library)
    assert drive.series("train_loss") == pytest.approx(dict(enumerate(drive.losses, start=1)), rel=1e-6)
    assert len(drive.losses) == EPOCHS * STEPS
    ended = drive.events("EpochEnded")
    assert [(event["epoch"], event["step"]) for event in ended] == [(1, STEPS), (2, 2 * STEPS), (3, 3 * STEPS)]
    assert all(event["metrics"]["val_loss"] is not None for event in ended)
    mean = sum(drive.losses[:STEPS]) / STEPS
    assert ended[0]["metrics"]["train_loss"] == pytest.approx(mean, rel=1e-5)
    [started] = drive.events("RunStarted")
    assert (started["epochs"], started["steps_per_epoch"]) == (EPOCHS, STEPS)
    assert drive.events("RunFinished")[-1]["reason"] == "completed"


@ALL
def test_a_stop_at_the_end_of_the_epoch(library: str, train: Train) -> None:
    drive, _ = train(library, {10: [cmd.Stop(when="epoch")]})
    assert len(drive.rates) == 2 * STEPS
    finished = drive.events("RunFinished")[-1]
    assert (finished["reason"], finished["epoch"], finished["step"]) == ("stopped", 2, 2 * STEPS)
    assert [event["epoch"] for event in drive.events("EpochEnded")] == [1, 2]


@ALL
def test_what_a_library_cannot_do_says_why(library: str, train: Train) -> None:
    drive, _ = train(library, {2: [cmd.SetKnob(name="x", value=1), cmd.ShowAnswers()], 3: [cmd.Stop()]})
    assert len(drive.refusals) == 2
    [*_, told] = drive.events("Capabilities")
    assert all(told["refused"].values())
    assert not {"Pause", "Resume", "StepOnce", "Stop", "SetLearningRate", "RollBack"} & set(told["refused"])


def test_the_losses_of_accumulated_batches_are_those_of_the_trainer(train: Train) -> None:
    drive, trainer = train("transformers", accumulate=2)
    logged = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert len(logged) == EPOCHS * STEPS // 2
    assert drive.series("train_loss") == pytest.approx(dict(enumerate(logged, start=1)), rel=1e-5)
    norms = [row["grad_norm"] for row in trainer.state.log_history if "grad_norm" in row]
    assert drive.series("grad_norm") == pytest.approx(dict(enumerate(norms, start=1)), rel=1e-5)


def test_nothing_acts_between_accumulated_batches(train: Train) -> None:
    drive, _ = train("accelerate", {3: [cmd.SetLearningRate(value=0.01)], 8: [cmd.Stop()]}, accumulate=2)
    assert [event["step"] for event in drive.events("SettingChanged")] == [2]
    assert len(drive.rates) == 8
    assert drive.events("RunFinished")[-1]["step"] == 4
    pairs = [sum(drive.losses[at : at + 2]) / 2 for at in range(0, 8, 2)]
    assert drive.series("train_loss") == pytest.approx(dict(enumerate(pairs, start=1)), rel=1e-5)


def test_validation_on_command(train: Train) -> None:
    drive, trainer = train("transformers", {4: [cmd.Evaluate()], 6: [cmd.Stop()]})
    [measured] = drive.events("EpochEnded", "Scalars", "Evaluated")[:1]
    assert measured
    assert drive.refusals == []
    assert [row for row in trainer.state.log_history if "eval_loss" in row and row["step"] == 4] == []


def test_clipping_is_set_in_the_trainer(train: Train) -> None:
    norms: list[float] = []

    def look(drive: Drive) -> None:
        norms.append(drive.state.clip)

    drive, trainer = train("transformers", {1: look, 2: [cmd.SetClip(value=0.25)], 3: look, 4: [cmd.Stop()]})
    assert norms == [1.0, 0.25]
    assert trainer.args.max_grad_norm == 0.25
    assert drive.refusals == []


def test_lightning_does_not_stop_before_min_epochs(train: Train) -> None:
    plan = {3: [cmd.Stop(when="batch")], 2 * STEPS + 2: [cmd.Stop(when="batch")]}
    drive, _ = train("lightning", plan, trainer={"min_epochs": 2})
    assert drive.refusals == ["Lightning does not stop before min_epochs=2"]
    assert len(drive.rates) == 2 * STEPS + 2


def test_lightning_gets_more_epochs(train: Train) -> None:
    drive, trainer = train("lightning", {3: [cmd.SetEpochs(value=4)]})
    assert trainer.current_epoch == 4
    assert len(drive.rates) == 4 * STEPS


def test_keras_with_a_schedule_of_its_own_refuses_a_rate(train: Train) -> None:
    pytest.importorskip("keras", reason="keras is not installed")
    import keras

    schedule = keras.optimizers.schedules.ExponentialDecay(RATE, 1, 0.5)
    drive, _ = train("keras", {2: [cmd.SetLearningRate(value=0.01)], 4: [cmd.Stop()]}, rate=schedule)
    [reason] = drive.refusals
    assert "LearningRateSchedule ExponentialDecay" in reason
    assert drive.rates == pytest.approx([RATE * 0.5**step for step in range(4)])
    assert drive.series("lr") == pytest.approx({step: RATE * 0.5 ** (step - 1) for step in range(1, 5)}, rel=1e-5)


def test_a_rate_set_by_hand_holds_over_the_callbacks_of_keras(train: Train) -> None:
    pytest.importorskip("keras", reason="keras is not installed")
    import keras

    halves = keras.callbacks.LearningRateScheduler(lambda epoch: RATE * 0.5**epoch)
    drive, _ = train("keras", {3: [cmd.SetLearningRate(value=0.02)]}, callbacks=[halves])
    assert drive.rates == pytest.approx([RATE] * 3 + [0.02] * 5 + [0.01] * 8 + [0.005] * 8, rel=1e-5)
    assert "on_epoch_begin" not in vars(halves)


def test_accelerate_says_where_a_loop_does_not_ask_to_stop(train: Train) -> None:
    drive, _ = train("accelerate", {2: [cmd.Stop()], 3: [cmd.SetLearningRate(value=0.01)]}, asks=False)
    assert drive.refusals == ["the loop does not ask tracker.should_stop"]
    assert len(drive.rates) == EPOCHS * STEPS
    assert drive.rates[3] == 0.01
