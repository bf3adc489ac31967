"""The loop against plain torch, and what it does when it is told to."""

from __future__ import annotations

import math
import threading
from itertools import pairwise

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.schedulers.builtin import AnyScheduler, Constant, Cosine, Plateau
from tui_trainer.engine.batches import Batches, seeded
from tui_trainer.engine.checkpointing.file_format import save
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.setup import set_up
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import Owner, RunDir

OWNER = Owner(1, "here", "")


@pytest.fixture
def folder(tmp_path):
    made = RunDir(tmp_path / "run")
    made.create("", {}, OWNER)
    yield made
    made.release()


def test_the_loss_of_every_step_equals_a_loop_written_by_hand():
    config = tiny_config(optimizer={"kind": "adam", "lr": 0.05}, scheduler={"kind": "cosine"})
    bench = TrainerHarness(config)
    bench.finish()

    setup = set_up(config, print)
    optimizer = torch.optim.Adam(setup.model.parameters(), lr=0.05, fused=True)
    expected: list[float] = []
    total = 4 * 5
    for epoch in range(4):
        order = torch.randperm(96, generator=seeded(0, epoch))
        for first in range(0, 96, 20):
            rows = order[first : first + 20]
            for group in optimizer.param_groups:
                group["lr"] = 0.05 * (1 + math.cos(math.pi * len(expected) / total)) / 2
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                setup.model(setup.data.train.inputs[rows]), setup.data.train.targets[rows]
            )
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
    assert list(bench.column("train_loss").values()) == expected
    assert list(bench.column("train_loss")) == list(range(1, 21))


def test_the_golden_curve_has_not_moved():
    # A change that was not meant to change the training must leave these numbers as they are.
    bench = TrainerHarness(tiny_config())
    bench.finish()
    losses = list(bench.column("train_loss").values())
    assert losses[:3] == pytest.approx(GOLDEN[:3], rel=1e-5)
    assert losses[-1] == pytest.approx(GOLDEN[3], rel=1e-4)


GOLDEN = [0.5756083726882935, 0.6255528330802917, 0.5301345586776733, 0.4325103759765625]


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not():
    runs = [TrainerHarness(tiny_config(training={"seed": seed})) for seed in (3, 3, 4)]
    for run in runs:
        run.finish()
    first, again, other = (list(run.column("train_loss").values()) for run in runs)
    assert first == again
    assert first != other


def test_the_epochs_metrics_are_means_over_samples_and_a_pass_over_the_validation_split():
    bench = TrainerHarness(tiny_config(training={"epochs": 1}))
    bench.finish()
    losses, sizes = list(bench.column("train_loss").values()), [20, 20, 20, 20, 16]
    mean = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / 96
    ended = bench.of(ev.EpochEnded)[0]
    assert ended.metrics["train_loss"] == pytest.approx(mean, rel=1e-12)
    model, data = bench.trainer.services.setup.model, bench.trainer.services.setup.data
    with torch.no_grad():
        outputs = model(data.validation.inputs)
    right = (outputs.argmax(1) == data.validation.targets).float().mean().item()
    assert ended.metrics["val_accuracy"] == pytest.approx(right)
    assert ended.metrics["val_loss"] == pytest.approx(
        torch.nn.functional.cross_entropy(outputs, data.validation.targets).item(), rel=1e-6
    )


@pytest.mark.parametrize("kind", [kind for kind in choices(AnyScheduler) if kind != "import"])
def test_a_rate_set_by_hand_holds_under_every_schedule_and_the_shape_goes_on(kind):
    bench = TrainerHarness(tiny_config(scheduler={"kind": kind}, training={"epochs": 8}))
    reference = TrainerHarness(tiny_config(scheduler={"kind": kind}, training={"epochs": 8}))
    bench.steps(12)
    bench.control.put(cmd.SetLearningRate(value=0.0123))
    bench.finish()
    reference.finish()
    rates, plain = bench.column("lr"), reference.column("lr")
    assert rates[12] == plain[12]
    assert rates[13] == pytest.approx(0.0123, rel=1e-12)
    if kind != "plateau":
        for step in range(14, 40):
            assert rates[step] / rates[13] == pytest.approx(plain[step] / plain[13], rel=1e-9)
    changed = bench.of(ev.SettingChanged)[0]
    assert (changed.name, changed.step, changed.value) == ("lr", 12, pytest.approx(0.0123))
    assert changed.plan is not None
    assert changed.plan.rate(12) == pytest.approx(0.0123)


def test_a_new_schedule_begins_from_the_rate_in_force_and_ends_with_the_run():
    bench = TrainerHarness(tiny_config(scheduler={"kind": "exponential", "gamma": 0.5}, training={"epochs": 4}))
    bench.steps(10)
    bench.control.put(cmd.SetScheduler(scheduler=Cosine()))
    bench.finish()
    rates = bench.column("lr")
    assert rates[11] == pytest.approx(rates[10] * 0.5)  # the epoch ended: the old schedule had halved it
    assert rates[20] == pytest.approx(rates[11] * (1 + math.cos(math.pi * 9 / 10)) / 2)


def test_a_longer_run_stretches_what_is_left_of_the_schedule_without_a_jump():
    bench = TrainerHarness(tiny_config(scheduler={"kind": "cosine"}, training={"epochs": 4}))
    bench.steps(10)
    bench.control.put(cmd.SetEpochs(value=8))
    bench.finish()
    rates = bench.column("lr")
    assert len(rates) == 40
    assert rates[11] == pytest.approx(0.05, rel=1e-9)
    steps = [rates[step] for step in range(10, 41)]
    assert all(later < earlier for earlier, later in pairwise(steps))
    assert rates[40] < 0.001


def test_clipping_bounds_the_norm_that_the_optimizer_sees_and_records_what_it_was():
    bench = TrainerHarness(tiny_config(training={"clip_grad_norm": 0.01}))
    before = [parameter.detach().clone() for parameter in bench.trainer.services.setup.parameters]
    bench.steps(1)
    moved = torch.cat(
        [(new - old).flatten() for new, old in zip(bench.trainer.services.setup.parameters, before, strict=True)]
    ).norm()
    assert moved.item() == pytest.approx(0.01 * 0.1, rel=1e-4)  # clip times rate
    bench.finish()
    norms = bench.column("grad_norm")
    assert list(norms) == list(range(1, 21))
    assert min(norms.values()) > 0.01


def test_a_loss_that_is_not_finite_ends_the_run_with_the_step_said_and_nothing_bad_saved(folder):
    bench = TrainerHarness(
        tiny_config(data={"kind": "least-squares"}, optimizer={"lr": 1e6}, training={"epochs": 50}), folder
    )
    finished = bench.finish()
    assert finished.reason == "not-finite"
    assert finished.exit_code == 1
    step = next(step for step, value in bench.column("train_loss").items() if value is None)
    assert f"at step {step}" in finished.detail
    assert finished.step == step
    assert max(bench.column("train_loss")) == step
    assert bench.state.series["train_loss"].gaps[0][0] == step
    assert all(math.isfinite(value) for value in bench.state.series["train_loss"].values)
    for path in folder.checkpoints.glob("*.safetensors"):
        from tui_trainer.engine.checkpointing.file_format import load

        assert all(torch.isfinite(tensor).all() for tensor in load(path)["model"].values())


def test_early_stopping_waits_out_its_patience_and_puts_the_best_weights_back(folder):
    config = tiny_config(
        optimizer={"lr": 0.5},
        training={"epochs": 400},
        early_stopping={"enabled": True, "patience": 5, "monitor": "val_loss"},
    )
    bench = TrainerHarness(config, folder)
    finished = bench.finish()
    assert finished.reason == "early-stopped"
    losses = [event.metrics["val_loss"] for event in bench.of(ev.EpochEnded)]
    best = min(range(len(losses)), key=losses.__getitem__) + 1
    assert len(losses) == best + 5
    assert finished.best is not None
    assert (finished.best.epoch, finished.best.value) == (best, losses[best - 1])
    found = bench.trainer.services.validate()
    assert found is not None
    assert found["val_loss"] == losses[best - 1]


def test_stop_after_this_batch_validates_saves_and_says_so(folder):
    bench = TrainerHarness(tiny_config(), folder)
    bench.steps(7)
    bench.control.put(cmd.Stop(by="ann"))
    finished = bench.finish()
    assert (finished.reason, finished.step, finished.epoch) == ("stopped", 7, 1)
    assert "ann" in finished.detail
    assert (folder.checkpoints / "last.safetensors").exists()
    assert bench.of(ev.Scalars)[-1].values.keys() >= {"val_loss", "val_accuracy"}


def test_stop_early_finishes_the_epoch():
    bench = TrainerHarness(tiny_config())
    bench.steps(7)
    bench.control.put(cmd.Stop(when="epoch"))
    finished = bench.finish()
    assert (finished.step, finished.epoch) == (10, 2)


def test_pause_holds_step_once_goes_one_on_and_resume_continues_to_the_same_bits():
    plain = TrainerHarness(tiny_config())
    plain.finish()
    bench = TrainerHarness(tiny_config())
    bench.steps(3)
    bench.control.put(cmd.Pause())
    bench.steps(2)
    assert bench.trainer.state.step == 3
    assert bench.state.status == "paused"
    bench.control.put(cmd.StepOnce())
    bench.steps(1)
    assert bench.trainer.state.step == 4
    bench.control.put(cmd.Evaluate())
    bench.steps(3)
    assert bench.trainer.state.step == 4
    bench.control.put(cmd.Resume())
    bench.finish()
    assert bench.column("train_loss") == plain.column("train_loss")


def test_rolling_back_restores_weights_and_momentum_and_says_from_where(folder):
    bench = TrainerHarness(tiny_config(optimizer={"momentum": 0.9}), folder)
    bench.steps(7)
    bench.control.put(cmd.SaveCheckpoint(name="here"))
    bench.steps(1)
    model, optimizer = bench.trainer.services.setup.model, bench.trainer.services.optimizer.torch_optimizer
    bench.steps(5)
    bench.control.put(cmd.RollBack(to="here"))
    bench.control.put(cmd.Pause())
    bench.steps(1)
    from tui_trainer.engine.checkpointing.file_format import load

    saved = load(folder.checkpoints / "here.safetensors")
    assert all(torch.equal(saved["model"][name], value) for name, value in model.state_dict().items())
    kept = saved["optimizer"]["state"]
    for index, state in optimizer.state_dict()["state"].items():
        assert torch.equal(kept[index]["momentum_buffer"], state["momentum_buffer"])
    assert bench.of(ev.RolledBack)[0].from_epoch == 1
    assert bench.trainer.state.step == 13


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (cmd.Resume(), "not paused"),
        (cmd.RollBack(), "nothing to roll back to"),
        (cmd.RollBack(to="nowhere"), "no directory"),
        (cmd.SetEpochs(value=4), "already"),
        (cmd.SetEpochs(add=-4), "in progress"),
        (cmd.SetPatience(patience=10), "already set to these values"),
        (cmd.SaveCheckpoint(), "no directory"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_reason(command, words):
    bench = TrainerHarness(tiny_config())
    bench.steps(1)
    bench.control.put(command)
    bench.steps(1)
    refused = bench.of(ev.Refused)
    assert len(refused) == 1
    assert words in refused[0].reason
    assert refused[0].cause == command


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (
            lambda: TrainerHarness(tiny_config(model={"hidden": [9]})).state_dict(),
            "size mismatch for hidden1.weight",
        ),
        (lambda: [1, 2], "list indices must be integers"),
        (lambda: {"model": 3, "optimizer": {}, "epoch": 1, "step": 2}, "state_dict"),
    ],
    ids=["another model", "a list", "a number"],
)
def test_a_checkpoint_that_does_not_fit_is_refused_and_the_run_goes_on_as_it_was(folder, tree, words):
    whole = TrainerHarness(tiny_config())
    whole.finish()
    bench = TrainerHarness(tiny_config(), folder)
    bench.steps(6)
    save(folder.checkpoints / "foreign.safetensors", tree())
    bench.control.put(cmd.RollBack(to="foreign"))
    bench.finish()
    reason = bench.of(ev.Refused)[-1].reason
    assert reason.startswith("checkpoint foreign does not fit this run: ")
    assert words in reason
    assert bench.column("train_loss") == whole.column("train_loss")


def test_an_optimizer_swap_starts_empty_with_its_own_rate():
    from tui_trainer.components.optimizers.first_order import Adam

    bench = TrainerHarness(tiny_config(optimizer={"momentum": 0.9}))
    bench.steps(6)
    bench.control.put(cmd.SetOptimizer(optimizer=Adam(lr=0.02)))
    bench.steps(1)
    assert type(bench.trainer.services.optimizer.torch_optimizer).__name__ == "Adam"
    bench.finish()
    assert bench.column("lr")[7] == pytest.approx(0.02)


def test_the_plateau_schedule_drops_on_what_the_loop_measured():
    bench = TrainerHarness(
        tiny_config(scheduler={"kind": "plateau", "patience": 0, "watch": "train_loss", "threshold": 0.5})
    )
    bench.finish()
    rates = bench.column("lr")
    # Epoch 2 is no better than half of epoch 1, so epoch 3 begins with a tenth; and so on.
    assert [rates[step] for step in (5, 10, 11, 16)] == pytest.approx([0.1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("sampling", ["shuffle", "replacement", "full"])
def test_an_epoch_can_be_begun_anywhere_again(sampling):
    setup = set_up(tiny_config(data={"sampling": sampling}), print)
    batches = Batches(setup.data.train, 20, sampling, 7)
    whole = list(batches.epoch(3))
    assert len(whole) == batches.per_epoch == (1 if sampling == "full" else 5)
    for start in range(len(whole)):
        rest = list(batches.epoch(3, start))
        assert all(torch.equal(a[0], b[0]) for a, b in zip(whole[start:], rest, strict=True))
    if sampling == "shuffle":
        seen = torch.cat([inputs for inputs, _ in whole])
        assert torch.equal(seen.sort(0).values, setup.data.train.inputs.sort(0).values)
        assert not torch.equal(whole[0][0], next(batches.epoch(4))[0])


@pytest.mark.parametrize(("size", "per_epoch"), [(1, 96), (96, 1), (1000, 1)])
def test_batches_of_one_and_batches_larger_than_the_data(size, per_epoch):
    bench = TrainerHarness(tiny_config(data={"batch_size": size}, training={"epochs": 2}))
    finished = bench.finish()
    assert bench.trainer.services.steps_per_epoch == per_epoch
    assert finished.step == 2 * per_epoch


def test_a_device_that_is_not_there_is_refused_with_what_is():
    with pytest.raises(UserError, match=r"training\.device: 'cuda:7' is not available; this machine has .*cpu"):
        set_up(tiny_config(training={"device": "cuda:7"}), print)


def test_mixed_precision_runs_on_this_machine():
    bench = TrainerHarness(tiny_config(training={"precision": "bfloat16", "epochs": 2}))
    finished = bench.finish()
    assert finished.reason == "completed"
    assert math.isfinite(bench.state.metrics["val_loss"])


def test_layers_are_measured_with_norms_that_torch_agrees_with():
    bench = TrainerHarness(tiny_config(training={"layers_every": 1, "epochs": 1}))
    weights = bench.trainer.services.setup.layers[0][1]
    before = [weight.detach().clone() for weight in weights]
    bench.steps(1)
    bench.flush()
    measured = bench.of(ev.LayersMeasured)[0].layers
    name = bench.trainer.services.setup.layers[0][0]
    gradient = torch.cat([weight.grad.flatten() for weight in weights]).norm().item()
    old = torch.cat([weight.flatten() for weight in before]).norm().item()
    assert measured[name].grad_norm == pytest.approx(gradient, rel=1e-5)
    assert measured[name].weight_norm == pytest.approx(old, rel=1e-5)
    assert measured[name].update_ratio == pytest.approx(0.1 * gradient / old, rel=1e-3)


def test_a_command_put_while_the_queue_is_emptied_is_never_lost():
    control = CommandQueue(threading.Event())
    taken = 0
    done = threading.Event()

    def ask():
        for _ in range(5000):
            control.put(cmd.Evaluate())
        done.set()

    thread = threading.Thread(target=ask)
    thread.start()
    while not done.is_set() or control.waiting:
        while control.waiting and control.take() is not None:
            taken += 1
    thread.join()
    while control.take() is not None:
        taken += 1
    assert taken == 5000


def test_the_schedules_that_move_each_step_are_asked_each_step():
    assert Cosine().changes_each == "step"
    assert Constant().changes_each == "epoch"
    assert Plateau().changes_each == "epoch"
    assert Constant(warmup=10).changes_each == "step"


def test_a_run_that_keeps_a_pace_takes_the_same_steps_and_obeys_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits between two steps for as long as is left, and not at all once somebody has asked for something."""
    rests: list[float] = []

    def rest(control: CommandQueue, seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(CommandQueue, "rest", rest)
    slow, fast = (TrainerHarness(tiny_config(training={"epochs": 2, "steps_per_second": pace})) for pace in (0.5, 0.0))
    assert [event.metrics for event in slow.of(ev.EpochEnded)] == [event.metrics for event in fast.of(ev.EpochEnded)]
    assert len(rests) == slow.trainer.state.step
    assert all(1 < seconds <= 2 for seconds in rests[1:])


def test_a_rest_ends_when_somebody_asks() -> None:
    control = CommandQueue(threading.Event())
    control.put(cmd.Pause())
    control.rest(3600)
    assert control.take() is not None
    threading.Timer(0.02, control.put, [cmd.Pause()]).start()
    control.rest(3600)
    assert control.waiting
