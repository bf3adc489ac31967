"""The knobs of the built-in loop: what they set is what torch steps with; undone, resumed and replayed to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.checkpointing.state_tree import copied
from tui_trainer.engine.fast_path.manual_mlp import FastForwardBackward
from tui_trainer.nn.objectives import Logits
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.knobs import KnobValue
from tui_trainer.runs.history import RunHistory, first_difference

BOTH = pytest.mark.parametrize("fast_path", ["auto", "off"])


def config(fast_path: str = "auto", **tables: dict[str, object]) -> RunConfig:
    training = {"epochs": 6, "fast_path": fast_path, **tables.pop("training", {})}
    model = {"hidden": [8], "dropout": 0.3}
    given = {"model": model, "optimizer": {"kind": "adam", "lr": 0.02}, "scheduler": {"kind": "cosine"}, **tables}
    return tiny_config(training=training, **given)


def turn(bench: TrainerHarness, name: str, value: KnobValue) -> None:
    bench.control.put(cmd.SetKnob(name=name, value=value, id=name))


def weights(bench: TrainerHarness) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in bench.trainer.services.setup.parameters]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def record_of(bench: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in bench.events:
        record.add(event)
    return record


# -- what is set is what torch steps with ------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("optimizer", "name", "value", "settings"),
    [
        ({"kind": "adamw", "lr": 0.02}, "weight_decay", 0.3, {"weight_decay": 0.3}),
        ({"kind": "adam", "lr": 0.02}, "beta1", 0.5, {"betas": (0.5, 0.999)}),
        ({"kind": "adam", "lr": 0.02}, "beta2", 0.9, {"betas": (0.9, 0.9)}),
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.9}, "momentum", 0.5, {"momentum": 0.5}),
        ({"kind": "sgd", "lr": 0.1}, "weight_decay", 0.05, {"weight_decay": 0.05}),
        ({"kind": "rmsprop", "lr": 0.01, "momentum": 0.9}, "momentum", 0.2, {"momentum": 0.2}),
    ],
    ids=lambda each: each if isinstance(each, str) else None,
)
def test_a_setting_of_the_optimizer_is_that_of_torch_s_groups(fast_path, optimizer, name, value, settings):
    by_hand = TrainerHarness(config("off", optimizer=optimizer))
    by_hand.steps(7)
    for group in by_hand.trainer.services.optimizer.torch_optimizer.param_groups:
        group.update(settings)
    by_hand.steps(8)
    bench = TrainerHarness(config(fast_path, optimizer=optimizer))
    bench.steps(7)
    before = bench.trainer.services.knobs[name]
    turn(bench, name, value)
    bench.steps(8)
    assert equal(weights(bench), weights(by_hand))
    changed = bench.of(ev.KnobChanged)[-1]
    assert (changed.value, changed.previous, changed.step) == (value, before, 7)
    assert bench.state.knobs[name] == value
    assert bench.state.optimizer == bench.trainer.services.optimizer.description


@BOTH
def test_momentum_begins_as_torch_begins_it(fast_path):
    optimizer = {"kind": "sgd", "lr": 0.1}
    by_hand = TrainerHarness(config("off", optimizer=optimizer))
    by_hand.steps(7)
    for group in by_hand.trainer.services.optimizer.torch_optimizer.param_groups:
        group["momentum"] = 0.9
    by_hand.steps(8)
    bench = TrainerHarness(config(fast_path, optimizer=optimizer))
    bench.steps(7)
    turn(bench, "momentum", 0.9)
    bench.steps(8)
    assert all(torch.allclose(a, b, atol=1e-7) for a, b in zip(weights(bench), weights(by_hand), strict=True))


def test_the_weight_decay_of_both_optimizers_of_a_pair_or_of_the_second_alone():
    bench = TrainerHarness(config(optimizer={"kind": "muon", "lr": 0.01}))
    bench.steps(2)
    groups = bench.trainer.services.optimizer
    assert [group["weight_decay"] for group in groups.torch_optimizer.param_groups] == [0.1, 0.01]
    turn(bench, "weight_decay", 0.5)
    bench.steps(1)
    assert [group["weight_decay"] for group in groups.torch_optimizer.param_groups] == [0.5, 0.5]
    turn(bench, "other_weight_decay", 0.0)
    bench.steps(1)
    assert [group["weight_decay"] for group in groups.torch_optimizer.param_groups] == [0.5, 0.0]


@BOTH
@pytest.mark.parametrize(
    ("name", "value", "preset"),
    [
        ("dropout", 0.6, {"model": {"hidden": [8], "dropout": 0.6}}),
        ("label_smoothing", 0.1, {"loss": {"kind": "cross-entropy", "label_smoothing": 0.1}}),
        ("clip", 0.05, {"training": {"clip_grad_norm": 0.05}}),
        ("weight_decay", 0.1, {"optimizer": {"kind": "adam", "lr": 0.02, "weight_decay": 0.1}}),
        ("beta2", 0.9, {"optimizer": {"kind": "adam", "lr": 0.02, "betas": (0.9, 0.9)}}),
        ("batch_size", 32, {"data": {"batch_size": 32}}),
    ],
)
def test_a_knob_turned_at_the_start_is_the_preset_with_that_value(fast_path, name, value, preset):
    expected = TrainerHarness(config(fast_path, scheduler={"kind": "constant"}, **preset))
    expected.finish()
    bench = TrainerHarness(config(fast_path, scheduler={"kind": "constant"}))
    turn(bench, name, value)
    bench.finish()
    assert first_difference(record_of(expected), record_of(bench)) == ""
    assert equal(weights(bench), weights(expected))
    plain = TrainerHarness(config(fast_path, scheduler={"kind": "constant"}))
    plain.finish()
    assert not equal(weights(bench), weights(plain))


@pytest.mark.parametrize(("name", "value"), [("dropout", 0.6), ("dropout", 0.0), ("label_smoothing", 0.1)])
def test_the_fast_path_follows_or_steps_aside_to_the_bit(name, value):
    runs = []
    for fast_path in ("auto", "off"):
        bench = TrainerHarness(config(fast_path))
        bench.steps(7)
        passes = bench.trainer.services.setup.forward_backward
        turn(bench, name, value)
        bench.steps(6)
        turn(bench, "batch_size", 16)
        bench.finish()
        runs.append(bench)
        assert isinstance(passes, FastForwardBackward) == (fast_path == "auto")
        assert bench.trainer.services.setup.forward_backward is not passes
    assert first_difference(record_of(runs[0]), record_of(runs[1])) == ""
    assert equal(weights(runs[0]), weights(runs[1]))
    followed = isinstance(runs[0].trainer.services.setup.forward_backward, FastForwardBackward)
    assert followed == (value != 0)  # autograd draws a mask of ones for a share of 0


def test_the_loss_of_a_step_is_smoothed():
    bench = TrainerHarness(config())
    objective = bench.trainer.services.setup.objective
    assert isinstance(objective, Logits)
    turn(bench, "label_smoothing", 0.25)
    bench.steps(1)
    outputs, targets = torch.tensor([[2.0, -1.0]]), torch.tensor([0])
    log_p = torch.log_softmax(outputs, 1)[0]
    assert float(objective(outputs, targets)) == pytest.approx(float(-(0.875 * log_p[0] + 0.125 * log_p[1])))


# -- the batch size ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "scheduler",
    [
        {"kind": "cosine", "warmup": 7},
        {"kind": "exponential", "gamma": 0.5},
        {"kind": "staircase", "period": 2, "gamma": 0.5},
        {"kind": "warm-restarts", "first": 3},
        {"kind": "torch", "call": "StepLR(step_size=2, gamma=0.5)"},
        {"kind": "import", "path": "tests.support:halving", "per": "epoch"},
    ],
    ids=lambda scheduler: scheduler["kind"],
)
def test_the_schedule_goes_on_in_samples(scheduler):
    data = {"kind": "moons", "samples": 160, "batch_size": 16, "validation": 0.2}  # 128 samples: 8 steps an epoch
    plain = TrainerHarness(config(scheduler=scheduler, data=data))
    plain.finish()
    bench = TrainerHarness(config(scheduler=scheduler, data=data))
    bench.steps(11)
    turn(bench, "batch_size", 32)
    bench.steps(4)
    assert bench.trainer.services.setup.batches.size == 16  # the epoch under way keeps its batches
    bench.finish()
    before, after = plain.column("lr"), bench.column("lr")
    assert [after[step] for step in range(1, 17)] == [before[step] for step in range(1, 17)]
    for step in range(4 * 4):  # step 16 ends epoch 2; then two steps of before are one
        assert after[17 + step] == pytest.approx(before[17 + 2 * step], rel=1e-9)
    assert bench.trainer.state.step == 16 + 4 * 4
    assert [event.step for event in bench.of(ev.EpochEnded)] == [8, 16, 20, 24, 28, 32]
    assert bench.state.total_steps == 32
    assert bench.state.epoch_at(22) == 3.5
    assert bench.state.started is not None
    assert (bench.state.started.batch_size, bench.state.steps_per_epoch) == (32, 4)


def test_every_sample_is_seen_once_in_an_epoch_of_other_batches():
    bench = TrainerHarness(config())
    bench.steps(6)
    turn(bench, "batch_size", 7)
    bench.steps(4)
    batches = bench.trainer.services.setup.batches
    order = batches.order(2)
    bench.steps(1)
    seen = [inputs for inputs, _ in batches.epoch(2)]
    assert [len(inputs) for inputs in seen] == [7] * 13 + [5]
    assert order is not None
    assert torch.equal(torch.cat(seen), batches.split.inputs[order])


def test_a_batch_size_says_when_it_is_in_force():
    bench = TrainerHarness(config())
    bench.steps(6)
    turn(bench, "batch_size", 48)
    bench.steps(1)
    changed = bench.of(ev.KnobChanged)[-1]
    assert (changed.value, changed.previous, changed.detail) == (48, 20, "from epoch 3 on")
    assert bench.state.log[-1].text.startswith("batch_size 48 samples, was 20 samples, from epoch 3 on")
    bench.steps(4)
    assert [(event.value, event.step) for event in bench.of(ev.SettingChanged)] == [(48, 10)]


# -- undone, resumed, replayed -----------------------------------------------------------------------------------------

TURNS: list[tuple[str, KnobValue]] = [
    ("weight_decay", 0.2),
    ("beta1", 0.5),
    ("dropout", 0.6),
    ("label_smoothing", 0.2),
    ("clip", 0.05),
    ("batch_size", 32),
]


@pytest.mark.parametrize(("name", "value"), TURNS)
def test_after_an_undo_the_run_is_the_one_whose_knob_was_never_turned(name, value):
    plain = TrainerHarness(config())
    plain.finish()
    bench = TrainerHarness(config())
    bench.steps(8)
    before = dict(bench.trainer.services.knobs)
    turn(bench, name, value)
    bench.steps(9)
    bench.control.put(cmd.Undo(id="undo"))
    bench.steps(1)
    assert bench.trainer.services.knobs == before == bench.state.knobs
    assert bench.state.steps_per_epoch == 5
    bench.finish()
    assert first_difference(record_of(plain), record_of(bench)) == ""
    assert equal(weights(bench), weights(plain))


def test_an_undone_knob_is_turned_again_by_a_redo():
    bench = TrainerHarness(config())
    bench.steps(8)
    turn(bench, "batch_size", 32)
    bench.steps(6)
    bench.control.put(cmd.Undo(id="undo"))
    bench.steps(3)
    bench.control.put(cmd.Redo(id="redo"))
    bench.steps(1)
    assert bench.trainer.services.knobs["batch_size"] == 32 == bench.state.knobs["batch_size"]
    assert (bench.trainer.services.steps_per_epoch, bench.state.steps_per_epoch) == (3, 3)
    bench.finish()
    expected = TrainerHarness(config())
    expected.steps(8)
    turn(expected, "batch_size", 32)
    expected.finish()
    assert first_difference(record_of(expected), record_of(bench)) == ""


@BOTH
@pytest.mark.parametrize("saved_at", [9, 12])
@pytest.mark.parametrize(("name", "value"), TURNS)
def test_a_resumed_run_has_its_knobs_where_they_were(fast_path, name, value, saved_at):
    whole = TrainerHarness(config(fast_path))
    whole.steps(8)
    turn(whole, name, value)
    whole.steps(saved_at - 8)
    tree = copied(whole.state_dict())
    whole.finish()
    again = TrainerHarness(config(fast_path))
    again.load_state_dict(tree)
    again.finish()
    assert equal(weights(again), weights(whole))
    assert again.trainer.services.knobs == whole.trainer.services.knobs
    assert again.trainer.state.step == whole.trainer.state.step


def test_all_knobs_replay_to_the_bit():
    bench = TrainerHarness(config())
    for name, value in TURNS:
        bench.steps(3)
        turn(bench, name, value)
    bench.finish()
    original = record_of(bench)
    assert [command.id for _, command in original.interventions] == [name for name, _ in TURNS]
    again = TrainerHarness(config())
    again.trainer.follow(original.interventions)
    again.finish()
    assert first_difference(original, record_of(again)) == ""
    assert equal(weights(again), weights(bench))


# -- refusals ----------------------------------------------------------------------------------------------------------


def small_quadratic() -> RunConfig:
    return tiny_config(
        data={"kind": "quadratic"}, model={"kind": "point"}, loss={"kind": "value"}, training={"epochs": 3}
    )


@pytest.mark.parametrize(
    ("made", "name", "reason"),
    [
        (lambda: config(model={"hidden": [8]}), "dropout", "no dropout layer: it was built with model.dropout = 0"),
        (lambda: config(optimizer={"kind": "sgd", "lr": 0.1}), "beta1", "sgd has no betas; it has a momentum"),
        (lambda: config(), "momentum", "adam has no momentum; beta1 decays its average"),
        (lambda: config(optimizer={"kind": "rprop", "lr": 0.1}), "weight_decay", "rprop has no weight decay"),
        (lambda: config(loss={"kind": "mse"}), "label_smoothing", "the loss mse has no label smoothing"),
        (lambda: config(data={"sampling": "full"}), "batch_size", 'data.sampling = "full" takes all samples'),
        (lambda: config(optimizer={"kind": "lbfgs", "lr": 1.0}), "clip", "lbfgs compares gradients within a step"),
    ],
)
def test_what_a_run_does_not_have_says_why_before_it_is_asked_for(made: Callable[[], RunConfig], name, reason):
    bench = TrainerHarness(made())
    told = {knob.name: knob.refused for knob in bench.of(ev.Capabilities)[-1].knobs}
    assert reason in told[name]
    assert name not in bench.state.knobs
    bench.steps(1)
    turn(bench, name, 1)
    bench.steps(1)
    assert reason in bench.of(ev.Refused)[-1].reason
    assert bench.trainer.state.undo_stack == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("weight_decay", -0.1, "must be at least 0"),
        ("beta1", 1.0, "less than 1"),
        ("dropout", 1.0, "must be below 1"),
        ("dropout", "much", "give a number"),
        ("batch_size", 2.5, "give a whole number"),
        ("batch_size", 97, "at most 96"),
        ("batch_size", 0, "at least 1"),
        ("label_smoothing", math.nan, "give a number"),
        ("wieght_decay", 0.1, "did you mean 'weight_decay'?"),
        ("clip", 0.0, "nothing changed: clip is 0"),
    ],
)
def test_a_value_that_is_not_allowed_changes_nothing(name, value, reason):
    bench = TrainerHarness(config())
    bench.steps(3)
    before = dict(bench.trainer.services.knobs)
    turn(bench, name, value)
    bench.steps(1)
    assert reason in bench.of(ev.Refused)[-1].reason
    assert bench.trainer.services.knobs == before


def test_another_optimizer_brings_its_own_knobs():
    from tui_trainer.components.optimizers.first_order import SGD

    bench = TrainerHarness(config())
    bench.steps(3)
    bench.control.put(cmd.SetOptimizer(optimizer=SGD(lr=0.1, momentum=0.8), named=("momentum",)))
    bench.steps(1)
    assert bench.state.knobs["momentum"] == 0.8
    assert "beta1" not in bench.state.knobs
    turn(bench, "clip", 0.5)
    bench.steps(1)
    assert bench.state.clip_grad_norm == bench.trainer.state.clip == 0.5


@BOTH
def test_the_parts_of_accumulated_gradients_follow_the_batch_size(fast_path):
    data, training = {"batch_size": 10}, {"accumulate": 2}
    expected = TrainerHarness(
        config(fast_path, scheduler={"kind": "constant"}, data={"batch_size": 16}, training=training)
    )
    expected.finish()
    bench = TrainerHarness(config(fast_path, scheduler={"kind": "constant"}, data=data, training=training))
    assert bench.trainer.services.knobs["batch_size"] == 10
    turn(bench, "batch_size", 16)
    bench.finish()
    assert (bench.trainer.services.setup.batches.size, bench.trainer.services.setup.part_size) == (32, 16)
    assert first_difference(record_of(expected), record_of(bench)) == ""
