"""When pictures are taken, and that nothing of the training can be seen in them having been taken."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.base import choices
from tui_trainer.components.pictures import AnyPicture
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.pictures.recorder import PICTURE_SOURCES
from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event, encode_event
from tui_trainer.protocol.pictures import drawing_of


def showing(pictures: list[Any], **tables: dict[str, Any]) -> RunConfig:
    """A tiny run that takes these pictures."""
    table = tiny_config(**tables).model_dump(mode="json", exclude_none=True)
    return RunConfig.model_validate({**table, "pictures": pictures})


def taken(bench: TrainerHarness, name: str) -> list[ev.PictureTaken]:
    return [event for event in bench.of(ev.PictureTaken) if event.name == name]


OF_POINTS = [
    *("activation", "layers", "singular-values", "logits", "confidence", "confusion", "boundary", "coverage"),
    *("gradient-noise", "memory", "gradient-norms", "output-gradient", "answers", "histograms", "fit"),
]
TASKS: list[tuple[list[str], dict[str, Any]]] = [
    (OF_POINTS, {"model": {"hidden": [8, 8], "norm": "batch", "dropout": 0.3}}),
    (["effective-step", "forgetting", "layers"], {"optimizer": {"kind": "adam", "lr": 0.01}}),
    (["predicted", "layers"], {"data": {"kind": "diabetes"}, "loss": {"kind": "mse"}}),
    (["path"], {"data": {"kind": "sine"}, "model": {"kind": "linear"}, "loss": {"kind": "mse"}}),
    (["backprop", "gradient-check", "hessian"], {"model": {"hidden": [4], "activation": "tanh"}}),
]


def test_every_picture_has_a_camera_and_is_taken_below():
    assert set(PICTURE_SOURCES) == set(choices(AnyPicture)) == {name for names, _ in TASKS for name in names}


@pytest.mark.parametrize(("names", "tables"), TASKS)
def test_a_run_with_pictures_equals_one_without_bit_for_bit(names, tables):
    plain, shown = TrainerHarness(tiny_config(**tables)), TrainerHarness(showing(names, **tables))
    for bench in (plain, shown):
        bench.finish()
    assert {event.name for event in shown.of(ev.PictureTaken)} == set(names), shown.of(ev.Logged)
    for name in ("train_loss", "lr", "grad_norm"):
        assert shown.column(name) == plain.column(name)
    assert [event.metrics for event in shown.of(ev.EpochEnded)] == [event.metrics for event in plain.of(ev.EpochEnded)]
    one, other = (bench.trainer.services.setup.model.state_dict() for bench in (plain, shown))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert all(parameter.grad is not None for parameter in shown.trainer.services.setup.parameters)


@pytest.mark.parametrize(("names", "tables"), TASKS)
def test_what_is_published_is_small_and_comes_back_from_the_wire(names, tables):
    bench = TrainerHarness(showing(names, **tables))
    bench.finish()
    for event in bench.of(ev.PictureTaken):
        line = encode_event(event)
        assert len(line) < 10_000, event.name
        assert decode_event(line).data == event.data
        assert drawing_of(event) is not None
    assert set(bench.state.pictures) == set(names)


def test_pictures_are_taken_at_the_start_every_few_epochs_and_at_the_end():
    bench = TrainerHarness(showing([{"kind": "layers", "every": 3}, "activation", "coverage"], training={"epochs": 7}))
    bench.finish()
    assert [event.epoch for event in taken(bench, "layers")] == [0, 3, 6, 7]
    assert [event.epoch for event in taken(bench, "activation")] == [0]
    assert [event.epoch for event in taken(bench, "coverage")] == [1, 2, 3, 4, 5, 6, 7]


def test_a_long_run_takes_about_forty_of_each():
    bench = TrainerHarness(showing(["layers"], training={"epochs": 200, "validate_every": 200}))
    bench.finish()
    assert len(taken(bench, "layers")) == 41


def test_a_run_that_goes_on_from_a_checkpoint_has_the_pictures_that_it_would_have_had():
    names, tables = ["path", "gradient-norms"], TASKS[3][1]
    whole, first = (TrainerHarness(showing(names, **tables)) for _ in range(2))
    whole.finish()
    first.steps(2 * first.trainer.services.steps_per_epoch + 1)
    tree = first.state_dict()
    second = TrainerHarness(showing(names, **tables))
    second.load_state_dict(tree)
    second.finish()
    for name in names:
        assert taken(second, name)[-1].data == taken(whole, name)[-1].data
        assert taken(second, name)[-1].numbers == taken(whole, name)[-1].numbers
        assert taken(second, name)[0].step > 0


def test_a_picture_that_fails_is_dropped_with_a_word_and_the_run_goes_on(monkeypatch):
    def fail(camera: Any) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(PICTURE_SOURCES["layers"], "take", fail)
    bench = TrainerHarness(showing(["layers", "coverage"]))
    assert bench.finish().reason == "completed"
    lines = [line for event in bench.of(ev.Logged) for line in event.lines]
    assert lines == ["no more pictures of layers: RuntimeError: no such layer"]
    assert len(taken(bench, "coverage")) == 4


@pytest.mark.parametrize(
    ("names", "tables", "words"),
    [
        (["boundary"], {"data": {"kind": "wine"}}, ["plane", "13 numbers", "moons"]),
        (
            ["path"],
            {"data": {"kind": "diabetes"}, "model": {"kind": "linear"}, "loss": {"kind": "mse"}},
            ["two parameters", "11", 'model.kind = "point"'],
        ),
    ],
)
def test_what_only_the_data_shows_is_refused_before_anything_runs(names, tables, words):
    with pytest.raises(UserError) as refusal:
        TrainerHarness(showing(names, **tables))
    assert [word for word in words if word not in str(refusal.value)] == [], refusal.value
