"""The script of a run trains it again: the same curve, the same weights, without this package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runs.torch_script.conftest import assert_repeats, assert_same_curve, numbers, send, trained
from tests.support import TrainerHarness
from tui_trainer.components.optimizers.first_order import SGD, Adam, AdamW, NAdam
from tui_trainer.components.schedulers.builtin import Cosine, Exponential, Plateau
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.torch_script.torch_script import torch_script


def config_of(**tables: dict[str, Any]) -> RunConfig:
    table: dict[str, dict[str, Any]] = {
        "data": {"kind": "iris", "batch_size": 30},
        "model": {"kind": "mlp", "hidden": [8]},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "training": {"epochs": 4, "device": "cpu", "threads": 1, "layers_every": 3, "probe_every": 2},
        "early_stopping": {"enabled": False},
    }
    for name, values in tables.items():
        old = table.get(name, {})
        table[name] = values if "kind" in values and values["kind"] != old.get("kind") else {**old, **values}
    return RunConfig.model_validate(table)


def rate_and_length(bench: TrainerHarness) -> None:
    bench.steps(3)
    send(bench, 2, cmd.SetLearningRate(value=0.004))
    send(bench, 4, cmd.SetLearningRate(factor=3, by="eva", because='it "crawls"'), cmd.SetClip(value=0.7))
    send(bench, 2, cmd.SetEpochs(add=2), cmd.Note(text="longer"), cmd.Evaluate())
    send(bench, 3, cmd.SetScheduler(scheduler=Cosine(min_lr=1e-4, warmup=3)), cmd.SetKnob(name="dropout", value=0.3))


def optimizers(bench: TrainerHarness) -> None:
    bench.steps(3)
    send(bench, 3, cmd.SetOptimizer(optimizer=Adam(lr=0.01, betas=(0.8, 0.99)), named=("lr", "betas")))
    send(bench, 3, cmd.SetLearningRate(value=5.0))
    send(bench, 2, cmd.Undo())
    send(bench, 2, cmd.SetOptimizer(optimizer=AdamW(amsgrad=True), named=("amsgrad",)))
    send(bench, 2, cmd.SetOptimizer(optimizer=NAdam(lr=0.02), named=("lr",)), cmd.SetKnob(name="beta1", value=0.7))
    send(bench, 2, cmd.SetKnob(name="label_smoothing", value=0.2))
    send(bench, 1, cmd.SetOptimizer(optimizer=SGD(lr=0.3, momentum=0.9), named=("lr", "momentum")))
    send(bench, 1, cmd.SetKnob(name="momentum", value=0.5))


def back_and_sizes(bench: TrainerHarness) -> None:
    bench.steps(4)
    send(bench, 3, cmd.SaveCheckpoint(name="mine"), cmd.SetKnob(name="batch_size", value=16))
    send(bench, 4, cmd.SetLearningRate(value=1.0))
    send(bench, 3, cmd.RollBack(to="mine"), cmd.SetPatience(patience=7, enabled=True))
    send(bench, 3, cmd.RollBack(to="best"), cmd.SetKnob(name="weight_decay", value=0.01))
    send(bench, 4, cmd.SetScheduler(scheduler=Exponential(gamma=0.8)))
    send(bench, 1, cmd.Stop(when="epoch", restore_best=True))


def freeze(bench: TrainerHarness) -> None:
    bench.steps(4)
    send(bench, 4, cmd.SetKnob(name="rate/hidden1.*", value=0.0))
    send(bench, 3, cmd.SetKnob(name="rate/hidden1.*", value=2.5))


def back_to_last(bench: TrainerHarness) -> None:
    bench.steps(4)
    send(bench, 3, cmd.SetLearningRate(value=2.0))
    bench.save()
    bench.steps(3)
    send(bench, 4, cmd.RollBack(to="last"))


def stopped(bench: TrainerHarness) -> None:
    bench.steps(9)
    send(bench, 0, cmd.Stop(when="batch", restore_best=True))


@pytest.mark.parametrize(
    ("drive", "tables"),
    [
        (rate_and_length, {
            "model": {"dropout": 0.2, "norm": "batch"}, "scheduler": {"kind": "one-cycle"},
            "data": {"batch_size": 17},
        }),
        (rate_and_length, {
            "scheduler": {"kind": "warm-restarts", "first": 2, "warmup": 4}, "optimizer": {"momentum": 0.9},
            "model": {"dropout": 0.1},
        }),
        (optimizers, {"optimizer": {"kind": "adam", "lr": 0.02}}),
        (back_and_sizes, {"optimizer": {"momentum": 0.8}, "training": {"epochs": 6}, "scheduler": {"kind": "cosine"}}),
        (freeze, {"optimizer": {"kind": "adam", "lr": 0.02, "groups": [{"match": "hidden1.*"}]}}),
        (back_to_last, {"optimizer": {"momentum": 0.8}}),
        (stopped, {}),
    ],
)  # fmt: skip
def test_what_was_done_to_a_run_is_done_at_the_same_step(tmp_path, drive, tables):
    text, _ = assert_repeats(tmp_path / "run", config_of(**{"checkpoints": {"every_seconds": 1e9}, **tables}), drive)
    ast.parse(text)
    assert max(map(len, text.splitlines())) < 200


def test_reasons_are_in_the_comments(tmp_path):
    text, _ = assert_repeats(tmp_path / "run", config_of(model={"dropout": 0.5}), rate_and_length)
    assert '# after step 5: set-lr factor=3.0; because: it "crawls"' in text
    assert "        if step == 5:\n            # set-clip value=0.7\n            clip = 0.7\n" in text


TEXT_MODEL = {"kind": "transformer", "layers": 1, "width": 8, "heads": 2, "dropout": 0.1}


@pytest.mark.parametrize(
    "tables",
    [
        {"data": {"kind": "digits", "batch_size": 512, "label_noise": 0.2, "test": 0.1, "clip": 4.0},
         "model": {"kind": "cnn", "channels": [4], "batch_norm": True, "dropout": 0.2, "hidden": [8]},
         "training": {"epochs": 2, "accumulate": 2, "average": 0.8, "validate_every": 2}},
        {"data": {"kind": "diabetes", "batch_size": 200, "test": 0.2}, "training": {"precision": "float64"},
         "early_stopping": {"monitor": "val_r2", "enabled": True, "patience": 1}},
        {"data": {"kind": "wine", "sampling": "replacement"}, "model": {"kind": "linear"},
         "optimizer": {"kind": "adam", "lr": 0.01, "groups": [{"match": "*.bias", "lr_factor": 3}]}},
        {"data": {"kind": "breast-cancer", "sampling": "full"}, "loss": {"kind": "bce-with-logits"},
         "optimizer": {"kind": "lbfgs", "max_iter": 3}},
        {"model": {"hidden": [8, 8], "frozen": ["hidden1.*"]}, "optimizer": {"kind": "muon", "lr": 0.02},
         "scheduler": {"kind": "plateau", "patience": 0, "threshold": 0.2, "watch": "val_error"}},
        {"scheduler": {"kind": "torch", "per": "step", "warmup": 2,
                       "call": "SequentialLR([LinearLR(total_iters=3), LambdaLR(lambda k: exp(-k / 9))], [3])"}},
    ],
)  # fmt: skip
def test_settings_of_a_run_are_in_its_script(tmp_path, tables):
    assert_repeats(tmp_path / "run", config_of(**tables))


@pytest.mark.parametrize("tied", [True, False])
def test_a_text_is_read_as_windows(tmp_path, tied):
    (tmp_path / "text.txt").write_text("\ufeffgrüße aus der ferne,\r\n" * 40)
    data = {"kind": "text", "path": str(tmp_path / "text.txt"), "context": 8, "batch_size": 32, "test": 0.1}
    assert_repeats(
        tmp_path / "run",
        config_of(data=data, model={**TEXT_MODEL, "tied": tied}, optimizer={"kind": "adamw"}, training={"epochs": 2}),
        lambda bench: send(bench, 0, cmd.SetKnob(name="dropout", value=0.3)),
    )


TABLE = "id;größe;farbe;preis;art\n" + "".join(
    f"{k};{k % 7},{k % 3}5;{['rot', 'blau', '', 'grün'][k % 4]};{'' if k % 11 == 0 else k * 1.5};{1 + (k * k) % 3}\n"
    for k in range(90)
)


@pytest.mark.parametrize(
    "settings",
    [
        {"missing": "fill", "ignore": ["id"]},
        {"missing": "drop", "test": 0.2},
        {"missing": "fill", "task": "regression", "target": "größe"},
        {"missing": "drop", "task": "regression", "standardise": False},
    ],
)
def test_a_table_is_read_with_its_words_and_missing_values(tmp_path, settings):
    (tmp_path / "table.csv").write_text(TABLE)
    data = {"kind": "csv", "path": str(tmp_path / "table.csv"), "delimiter": ";", "batch_size": 20, **settings}
    tables = {} if settings.get("task") == "regression" else {"loss": {"kind": "cross-entropy"}}
    assert_repeats(tmp_path / "run", config_of(data=data, optimizer={"lr": 0.01}, **tables))


def test_a_schedule_that_watches_and_an_early_end_are_repeated(tmp_path):
    def longer(bench: TrainerHarness) -> None:
        for _ in bench._run:
            if bench.trainer.state.over:
                break
            if bench.trainer.state.step == 8:
                bench.control.put(cmd.SetScheduler(id="p", scheduler=Plateau(patience=0)))

    stopping = {"enabled": True, "patience": 2, "min_delta": 0.5}
    text, bench = assert_repeats(tmp_path / "run", config_of(early_stopping=stopping, training={"epochs": 9}), longer)
    assert bench.trainer.state.epoch < 9
    assert "stops_early, patience, min_delta = True, 2, 0.5" in text


def test_weights_of_a_file_are_loaded(tmp_path):
    trained(tmp_path / "base", config_of())
    weights = str(tmp_path / "base" / "checkpoints" / "last.safetensors")
    model = {"hidden": [8], "weights": weights, "weights_skip": ["output.*"], "frozen": ["hidden1.bias"]}
    text, _ = assert_repeats(tmp_path / "run", config_of(model=model))
    assert "load_file(" in text


def test_the_script_runs_where_this_package_is_not_installed(tmp_path):
    config = config_of(data={"kind": "digits", "batch_size": 512}, model={"dropout": 0.1})
    bench = trained(tmp_path / "run", config, rate_and_length)
    blocker = (
        "import sys\nclass Blocker:\n    def find_spec(self, name, *rest):\n"
        "        if name.partition('.')[0] == 'tui_trainer':\n            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Blocker())\n"
    )
    path = Path(tmp_path / "script.py")
    path.write_text(blocker + torch_script(tmp_path / "run", "run").text)
    done = subprocess.run(
        [sys.executable, "-I", str(path)], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert_same_curve(bench, [numbers(line) for line in done.stdout.splitlines()])
