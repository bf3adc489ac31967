"""Data sets and loaders by import path: the batches, and the bits after a resume, an undo and another pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.fixtures import own_data
from tests.support import TrainerHarness, tiny_config
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev

DATA = "tests.fixtures.own_data"


def config_of(name: str, **data: Any) -> Any:
    table = {"kind": "loader", "path": f"{DATA}:{name}", "batch_size": 8, **data}
    model = {"kind": "mlp", "hidden": [4], "dropout": 0.2}
    return tiny_config(data=table, model=model, training={"epochs": 3})


CONFIGS = {
    "map": config_of("noisy"),
    "stream": config_of("stream", steps_per_epoch=5),
    "plain": config_of("plain"),
    "plain, further": config_of("plain", steps_per_epoch=4),
    "generated": config_of("generated", steps_per_epoch=4),
    "loader": config_of("loader"),
}


def losses(bench: TrainerHarness) -> list[float | None]:
    bench.flush()
    return list(bench.column("train_loss").values())


def logged(bench: TrainerHarness) -> list[str]:
    return [line for event in bench.of(ev.Logged) for line in event.lines]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_run_goes_on_to_the_bit_from_any_step(name):
    config = CONFIGS[name]
    whole = TrainerHarness(config)
    whole.finish()
    expected = losses(whole)
    for step in (1, 4, 9):
        first, second = TrainerHarness(config), TrainerHarness(config)
        first.steps(step)
        first.flush()
        second.load_state_dict(first.state_dict())
        second.finish()
        assert losses(second) == expected[step:], step
        assert second.of(ev.EpochEnded)[-1].metrics == whole.of(ev.EpochEnded)[-1].metrics


@pytest.mark.parametrize("name", CONFIGS)
def test_an_undo_repeats_the_batches(name):
    whole, bench = TrainerHarness(CONFIGS[name]), TrainerHarness(CONFIGS[name])
    whole.finish()
    bench.steps(3)
    bench.control.put(cmd.SetLearningRate(id="a", factor=4.0))
    bench.steps(4)
    bench.control.put(cmd.Undo(id="b"))
    bench.finish()
    assert bench.of(ev.RolledBack)
    assert list(bench.state.series["train_loss"].values) == losses(whole)


def test_each_sample_of_a_data_set_is_used_once_in_an_epoch_and_none_that_validates():
    bench = TrainerHarness(config_of("noisy"))
    setup = bench.trainer.services.setup
    source = setup.data.source
    assert source is not None
    assert len(source.indices) == 72
    assert len(setup.data.validation) == 18
    assert setup.data.classes == ("below", "above")
    assert bench.of(ev.RunStarted)[0].train_samples == 72
    inputs = torch.cat([inputs for inputs, _ in setup.batches.epoch(0)])
    nearest = torch.cdist(inputs, source.part.inputs[list(source.indices)]).argmin(1)
    assert len(inputs) == 72
    assert len(nearest.unique()) > 50  # the noise moves some of them


def test_a_stream_without_a_length_goes_on_through_its_passes():
    setup = TrainerHarness(config_of("stream", steps_per_epoch=5)).trainer.services.setup
    sizes = [len(inputs) for epoch in range(4) for inputs, _ in setup.batches.epoch(epoch)]
    assert sizes == [*[8] * 8, 6, *[8] * 8, 6, 8, 8]


def test_a_stream_that_keeps_its_position_is_not_read_again():
    config = CONFIGS["stream"]
    first, second = TrainerHarness(config), TrainerHarness(config)
    first.steps(4)
    second.load_state_dict(first.state_dict())
    second.steps(1)
    part = second.trainer.services.setup.data.source.part
    assert part.reads == 8
    assert not [line for line in logged(second) if "state_dict" in line]


def test_a_stream_that_does_not_is_said_to_be_read_again():
    lines = logged(TrainerHarness(CONFIGS["plain"]))
    assert any("no state_dict" in line and "again" in line for line in lines)


def test_random_numbers_of_the_data_leave_those_of_the_run_alone():
    before = torch.get_rng_state()
    list(TrainerHarness(config_of("noisy")).trainer.services.setup.batches.epoch(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_numbers_are_predicted_as_they_are():
    config = tiny_config(data={"kind": "loader", "path": f"{DATA}:numbers", "task": "regression", "batch_size": 30})
    bench = TrainerHarness(config)
    inputs, targets = next(iter(bench.trainer.services.setup.batches.epoch(0)))
    assert targets.shape == (30, 1)
    assert torch.allclose(inputs.sum(1), targets[:, 0])
    bench.finish()
    assert bench.of(ev.EpochEnded)[-1].metrics["val_rmse"] > 0


def test_a_loader_is_a_further_validation_set():
    sets = {"other": {"data": {"kind": "loader", "path": f"{DATA}:stream"}, "part": "all"}}
    bench = TrainerHarness(CONFIGS["map"].model_copy(update={}).model_validate({
        **CONFIGS["map"].model_dump(mode="json", exclude_none=True), "validation_sets": sets,
    }))  # fmt: skip
    assert len(bench.trainer.services.setup.validation_sets["other"]) == len(own_data.held_out())
    bench.finish()
    assert 0 <= bench.of(ev.EpochEnded)[-1].metrics["other/accuracy"] <= 1


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("alone", {}, ("data.path", "(training, validation)")),
        ("array", {}, ("data.path", "returned int")),
        ("words", {}, ("data.path", "pair (inputs, targets)")),
        ("empty", {"steps_per_epoch": 2}, ("data.path", "no samples")),
        ("stream", {}, ("data.steps_per_epoch",)),
        ("stream", {"steps_per_epoch": 5, "sampling": "replacement"}, ("data.sampling", "replacement")),
        ("noisy", {"steps_per_epoch": 5}, ("data.steps_per_epoch", "90")),
        ("noisy", {"classes": 1}, ("data.classes = 1",)),
        ("missing", {}, ("data.path", "missing")),
    ],
)
def test_what_cannot_be_read_is_named(name, data, words):
    with pytest.raises(UserError) as refused:
        TrainerHarness(config_of(name, **data))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"data": {"standardise": True}}, r"data\.standardise"),
        ({"pictures": ["coverage"]}, "coverage"),
        ({"training": {"suboptimality_every": 5}}, "suboptimality_every"),
    ],
)
def test_settings_that_need_all_samples_are_refused(tables, words):
    base = CONFIGS["map"].model_dump(mode="json", exclude_none=True)
    merged = {
        **base,
        **{key: {**base[key], **value} if isinstance(value, dict) else value for key, value in tables.items()},
    }
    with pytest.raises(ValueError, match=words):
        type(CONFIGS["map"]).model_validate(merged)
