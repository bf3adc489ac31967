"""Further validation sets, and precision and recall of classes, against numpy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import precision_recall_fscore_support
from torch.nn.functional import cross_entropy

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.config.trust import imports
from tui_trainer.engine.evaluation.class_counts import names_of
from tui_trainer.errors import UserError

SHIFTED = {"shifted": {"data": {"kind": "digits", "scale": 0.5}}}


def digits(**tables) -> TrainerHarness:
    tables.setdefault("validation_sets", SHIFTED)
    return TrainerHarness(
        RunConfig.model_validate(
            {
                "data": {"kind": "digits", "batch_size": 256},
                "model": {"kind": "mlp", "hidden": [16]},
                "training": {"epochs": 2, "device": "cpu", "threads": 1, "class_metrics": True},
                "early_stopping": {"enabled": False},
                **tables,
            }
        )
    )


def test_a_further_set_is_the_held_out_part_in_the_scale_of_the_training_data():
    run = digits()
    run.finish()
    setup = run.trainer.services.setup
    raw = load_digits().images
    data, split = setup.data, setup.validation_sets["shifted"]
    assert torch.equal(split.targets, data.validation.targets)
    assert data.scaling is not None
    mean, deviation = np.asarray(data.scaling.mean), np.asarray(data.scaling.deviation)
    rows = (data.validation.inputs.numpy() * deviation + mean).reshape(len(split), -1)
    expected = (rows.reshape(data.validation.inputs.shape) * 0.5 - mean) / deviation
    assert split.inputs.numpy() == pytest.approx(expected, abs=1e-4)
    assert rows.max() <= raw.max() + 1e-3

    with torch.no_grad():
        outputs = setup.model.eval()(split.inputs)
    series = run.state.series
    assert series["shifted/loss"].last == pytest.approx(cross_entropy(outputs, split.targets).item(), rel=1e-5)
    precision, recall, *_ = precision_recall_fscore_support(
        split.targets.numpy(), outputs.argmax(1).numpy(), zero_division=0, labels=list(range(10))
    )
    for digit in range(10):
        assert series[f"shifted/class/{digit}/precision"].last == pytest.approx(precision[digit])
        assert series[f"shifted/class/{digit}/recall"].last == pytest.approx(recall[digit])
        assert len(series[f"class/{digit}/recall"]) == 2


def test_further_sets_and_classes_change_no_bit_of_the_training():
    plain = digits(validation_sets=None, training={"epochs": 2, "device": "cpu", "threads": 1})
    plain.finish()
    more = digits()
    more.finish()
    for name in ("train_loss",):
        assert plain.column(name) == more.column(name)
    for name in ("val_loss", "val_accuracy"):
        assert list(plain.state.series[name].values) == list(more.state.series[name].values)
    assert not [name for name in plain.state.series if name.startswith(("class/", "shifted"))]
    assert "validation_sets" not in plain.trainer.config.model_dump(exclude_none=True)


def test_numbers_are_in_the_scale_of_the_training_targets():
    run = TrainerHarness(
        RunConfig.model_validate(
            {
                "data": {"kind": "diabetes"},
                "validation_sets": {
                    "same": {"data": {"kind": "diabetes"}},
                    "every": {"data": {"kind": "diabetes"}, "part": "all"},
                },
                "training": {"epochs": 1, "device": "cpu"},
            }
        )
    )
    run.finish()
    series = run.state.series
    assert series["same/rmse"].last == series["val_rmse"].last
    assert series["same/loss"].last == series["val_loss"].last
    assert len(run.trainer.services.setup.validation_sets["every"]) == 442


def test_early_stopping_can_watch_a_further_set_and_a_class():
    run = digits(early_stopping={"monitor": "shifted/accuracy"})
    assert run.finish().best.metric == "shifted/accuracy"
    run = digits(early_stopping={"monitor": "class/7/recall"})
    best = run.finish().best
    assert best.value == max(run.state.series["class/7/recall"].values)


@pytest.mark.parametrize(
    ("monitor", "message"),
    [
        ("shifted/acuracy", "did you mean 'shifted/accuracy'"),
        ("shiftd/loss", "did you mean 'shifted/loss'"),
        ("class/77/recall", "did you mean 'class/7/recall'"),
    ],
)
def test_a_monitor_that_is_not_measured_is_refused(monitor: str, message: str):
    with pytest.raises((UserError, ValueError), match=message):
        digits(early_stopping={"monitor": monitor})


def test_classes_are_watched_only_where_they_are_measured():
    with pytest.raises(ValueError, match="class_metrics = true"):
        tiny_config(early_stopping={"monitor": "class/0/recall"})


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        ({"val": {"data": {"kind": "digits"}}}, "none of"),
        ({"a b": {"data": {"kind": "digits"}}}, "validation_sets.a b"),
        ({"more": {"data": {"kind": "diabetes"}}}, "use the same"),
        ({"more": {"data": {"kind": "mnist"}}}, "the model takes"),
        ({"more": {"data": {"kind": "blobs", "classes": 3}}}, "the model takes"),
    ],
)
def test_a_set_that_does_not_fit_is_refused(sets: dict, message: str):
    with pytest.raises((UserError, ValueError), match=message):
        digits(validation_sets=sets)


def test_code_of_a_further_set_needs_trust():
    config = tiny_config(validation_sets={"own": {"data": {"kind": "import", "path": "mine:samples"}}})
    assert imports(config)[0].startswith("validation_sets.own.data.path = 'mine:samples'")


def test_labels_become_parts_of_names():
    assert names_of(["a/b", "a_b", "", "x\x1b"]) == ["a_b", "a_b_1", "2", names_of(["x\x1b"])[0]]
    assert "\x1b" not in names_of(["x\x1b"])[0]
