"""Fine-tuning: weights from a file, parts that are not trained, and rates of groups."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.engine.checkpointing.file_format import parse, serialise
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import Owner, RunDir


def model_of(bench: TrainerHarness) -> nn.Module:
    return bench.trainer.services.setup.model


def state_of(bench: TrainerHarness) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model_of(bench).state_dict().items()}


def logged(bench: TrainerHarness) -> str:
    return "\n".join(line for event in bench.of(ev.Logged) for line in event.lines)


@pytest.fixture
def trained(tmp_path):
    """A file with the weights of a model that was trained before, and these weights."""
    bench = TrainerHarness(tiny_config(training={"epochs": 1}))
    bench.finish()
    path = tmp_path / "base.safetensors"
    save_file(state_of(bench), path)
    return str(path), state_of(bench)


def test_a_run_begins_with_the_weights_of_a_file(trained):
    path, weights = trained
    bench = TrainerHarness(tiny_config(model={"weights": path}))
    assert all(torch.equal(value, weights[name]) for name, value in state_of(bench).items())
    assert f"model.weights: 4 tensors from {path}" in logged(bench)


def test_a_checkpoint_of_a_run_is_such_a_file(tmp_path):
    folder = RunDir(tmp_path / "run")
    config = tiny_config(training={"epochs": 1})
    folder.create("", {}, Owner(0, "", ""))
    first = TrainerHarness(config, folder)
    first.finish()
    second = TrainerHarness(tiny_config(model={"weights": str(folder.checkpoints / "last.safetensors")}))
    assert all(torch.equal(value, state_of(first)[name]) for name, value in state_of(second).items())


def test_what_is_skipped_keeps_its_initialisation(trained):
    path, weights = trained
    fresh = state_of(TrainerHarness(tiny_config(model={"hidden": [8, 6]})))
    names = list(fresh)
    skip = [name for name in names if name not in weights or weights[name].shape != fresh[name].shape]
    stale = [name for name in weights if name not in fresh]
    config = tiny_config(model={"hidden": [8, 6], "weights": path, "weights_skip": [*skip, *stale]})
    state = state_of(TrainerHarness(config))
    assert skip
    for name in names:
        assert torch.equal(state[name], fresh[name] if name in skip else weights[name]), name


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"hidden": [9]}, ("[8, 2] in the file and [9, 2] in the model", "2 more", "model.weights_skip = ['")),
        ({"hidden": [8, 8]}, ("of the model is not in the file", "model.weights_skip")),
        ({"hidden": []}, ("model.weights_skip",)),
        ({"weights_skip": ["hed.*"]}, ("model.weights_skip", "'hed.*'")),
        ({"weights": "missing.safetensors"}, ("model.weights = 'missing.safetensors'", "no such file")),
    ],
)
def test_names_and_shapes_that_differ_are_said(trained, model, words):
    with pytest.raises(UserError) as refused:
        TrainerHarness(tiny_config(model={"weights": trained[0], **model}))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"\x10\x00\x00\x00\x00\x00\x00\x00{}", b"x" * 100])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a safetensors file"):
        TrainerHarness(tiny_config(model={"weights": str(path)}))


def first_layer(bench: TrainerHarness) -> str:
    return next(name for name, _ in model_of(bench).named_parameters()).partition(".")[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_frozen_parts_stay_and_the_others_train_as_by_hand(optimizer):
    plain = TrainerHarness(tiny_config())
    name = first_layer(plain)
    config = tiny_config(
        model={"frozen": [f"{name}.*"]}, optimizer={"kind": optimizer, "lr": 0.1}, training={"epochs": 2}
    )
    bench = TrainerHarness(config)
    setup = bench.trainer.services.setup
    before = state_of(bench)
    twin = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    twin.load_state_dict(dict(zip(twin.state_dict(), before.values(), strict=True)))
    twin[0].requires_grad_(False)
    made = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](twin[2].parameters(), lr=0.1)
    for epoch in range(2):
        for inputs, targets in setup.batches.epoch(epoch):
            made.zero_grad()
            nn.functional.cross_entropy(twin(inputs), targets).backward()
            made.step()
    bench.finish()
    after = state_of(bench)
    assert all(torch.equal(before[each], after[each]) == each.startswith(f"{name}.") for each in before)
    assert all(
        torch.allclose(one, two, atol=1e-6) for one, two in zip(after.values(), twin.state_dict().values(), strict=True)
    )
    started = bench.of(ev.RunStarted)[0]
    assert started.model.endswith(", 24 weights frozen")
    assert started.parameters == 18
    assert len(started.layers) == 1


@pytest.mark.parametrize(("frozen", "words"), [(["*"], "leaves none to train"), (["lyer*"], "model.frozen.*'lyer")])
def test_frozen_parts_that_cannot_be_are_refused(frozen, words):
    with pytest.raises(UserError, match=words):
        TrainerHarness(tiny_config(model={"frozen": frozen}))


def last_layer(bench: TrainerHarness) -> str:
    return list(dict(model_of(bench).named_parameters()))[-1].partition(".")[0]


def grouped(optimizer: dict[str, Any], factor: float = 10.0, **tables: Any) -> Any:
    name = last_layer(TrainerHarness(tiny_config()))
    groups = [{"match": f"{name}.*", "lr_factor": factor}]
    return tiny_config(optimizer={**optimizer, "groups": groups}, **tables), name


@pytest.mark.parametrize("fast_path", ["auto", "off"])
@pytest.mark.parametrize(
    "optimizer",
    [{"kind": "sgd", "lr": 0.02, "momentum": 0.9}, {"kind": "adam", "lr": 0.01}, {"kind": "rmsprop", "lr": 0.01}],
)
def test_a_group_has_its_multiple_of_the_rate_as_in_torch(optimizer, fast_path):
    config, name = grouped(
        optimizer, scheduler={"kind": "cosine"}, training={"epochs": 2, "norm_every": 1, "fast_path": fast_path}
    )
    bench = TrainerHarness(config)
    setup = bench.trainer.services.setup
    twin = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
    twin.load_state_dict(dict(zip(twin.state_dict(), state_of(bench).values(), strict=True)))
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "rmsprop": torch.optim.RMSprop}
    settings = {key: value for key, value in optimizer.items() if key != "kind"}
    made = kinds[optimizer["kind"]]([{"params": twin[0].parameters()}, {"params": twin[2].parameters()}], **settings)
    rates = []
    for epoch in range(2):
        for number, (inputs, targets) in enumerate(setup.batches.epoch(epoch)):
            rate = bench.trainer.state.plan.rate(epoch * 5 + number)
            rates.append(rate)
            made.param_groups[0]["lr"], made.param_groups[1]["lr"] = rate, rate * 10
            made.zero_grad()
            nn.functional.cross_entropy(twin(inputs), targets).backward()
            made.step()
    bench.finish()
    pairs = zip(state_of(bench).values(), twin.state_dict().values(), strict=True)
    assert all(torch.allclose(one, two, atol=1e-5) for one, two in pairs)
    assert list(bench.column(f"rate/{name}.*").values()) == pytest.approx([rate * 10 for rate in rates])


@pytest.mark.parametrize("optimizer", [{"kind": "adamw", "lr": 0.01}, {"kind": "sgd", "lr": 0.1, "momentum": 0.9}])
def test_a_group_is_held_and_scaled_by_its_knob(optimizer):
    config, name = grouped(optimizer, 1.0, training={"epochs": 4, "norm_every": 1})
    whole, bench = TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    bench.steps(4)
    (knob,) = [knob for knob in bench.of(ev.Capabilities)[0].knobs if knob.name.startswith("rate/")]
    assert (knob.name, knob.value, knob.low) == (f"rate/{name}.*", 1.0, 0.0)
    before = {each: tensor.clone() for each, tensor in state_of(bench).items()}
    bench.control.put(cmd.SetKnob(id="a", name=knob.name, value=0.0))
    bench.steps(5)
    held = {each: torch.equal(before[each], tensor) for each, tensor in state_of(bench).items()}
    assert held == {each: each.startswith(f"{name}.") for each in before}
    bench.control.put(cmd.SetKnob(id="b", name=knob.name, value=0.5))
    bench.steps(2)
    bench.flush()
    rates = list(bench.column(f"rate/{name}.*").values())
    assert rates == pytest.approx([optimizer["lr"]] * 4 + [0.0] * 5 + [optimizer["lr"] / 2] * 2)
    assert [event.value for event in bench.of(ev.KnobChanged)] == [0.0, 0.5]
    bench.control.put(cmd.Undo(id="c"))
    bench.steps(1)
    bench.control.put(cmd.Undo(id="d"))
    bench.finish()
    assert all(torch.equal(one, state_of(whole)[each]) for each, one in state_of(bench).items())


def test_groups_are_steered_saved_and_undone():
    config, name = grouped({"kind": "adam", "lr": 0.01}, training={"epochs": 3, "norm_every": 1})
    whole, bench = TrainerHarness(config), TrainerHarness(config)
    whole.finish()
    bench.steps(4)
    groups = ({"match": f"{name}.*", "lr_factor": 2.0},)
    optimizer = {"kind": "adam", "lr": 0.01, "groups": groups}
    bench.control.put(cmd.SetOptimizer(id="a", optimizer=optimizer, named=("groups",)))
    bench.steps(3)
    bench.flush()
    changed = bench.of(ev.OptimizerChanged)[0]
    assert changed.averages == "kept"
    assert changed.optimizer.groups[0].lr_factor == 2.0
    assert list(bench.column(f"rate/{name}.*").values()) == pytest.approx([0.1] * 4 + [0.02] * 3)
    tree = parse(bytearray(serialise(bench.state_dict() | {"journal": {}})), "x")
    other = TrainerHarness(config)
    other.load_state_dict(tree)
    assert other.trainer.services.optimizer.description.groups[0].lr_factor == 2.0
    bench.control.put(cmd.SetOptimizer(id="b", optimizer={"kind": "sgd", "lr": 0.5}, named=("lr",)))
    bench.steps(1)
    assert bench.trainer.services.optimizer.description.groups[0].lr_factor == 2.0
    bench.control.put(cmd.Undo(id="c"))
    bench.steps(1)
    bench.control.put(cmd.Undo(id="d"))
    bench.finish()
    assert list(bench.state.series["train_loss"].values) == list(whole.state.series["train_loss"].values)


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ({"kind": "adam", "groups": [{"match": "had.*"}]}, r"optimizer\.groups\.0\.match = 'had\.\*'.*matches no"),
        ({"kind": "lbfgs", "groups": [{"match": "*"}]}, r"optimizer\.groups: lbfgs"),
    ],
)
def test_groups_that_cannot_be_are_refused(optimizer, words):
    with pytest.raises(UserError, match=words):
        TrainerHarness(tiny_config(optimizer=optimizer))


def test_a_pair_of_optimizers_has_groups_too():
    config, name = grouped({"kind": "muon", "lr": 0.01}, 3.0, training={"epochs": 1, "norm_every": 1})
    bench = TrainerHarness(config)
    optimizer = bench.trainer.services.optimizer.torch_optimizer
    assert [group.get("match", "") for group in optimizer.param_groups].count(f"{name}.*") == 2
    bench.finish()
    assert bench.of(ev.RunFinished)[-1].reason == "completed"
