"""docs/projects.md: its example trains, and its other presets are valid."""

from __future__ import annotations

import sys

import pytest

from tests.docs.pages import blocks, page
from tests.support import TrainerHarness
from tui_trainer.config.preset import build
from tui_trainer.config.toml import parse_toml
from tui_trainer.protocol import events as ev

PAGE = page("projects.md")
EXAMPLE, *OTHERS = blocks(PAGE, "toml")


def test_the_example_trains_and_its_best_epoch_follows_the_average_of_the_metric(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(blocks(PAGE, "python")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    config = build(parse_toml(EXAMPLE, "mine"), name="mine", source="mine.toml", overrides=["training.epochs=3"]).first
    bench = TrainerHarness(config)
    assert bench.finish().reason == "completed"
    metrics = bench.of(ev.EpochEnded)[-1].metrics
    assert {"val_recall", "train_recall", "average/val_recall", "average/val_loss"} <= metrics.keys()
    assert bench.of(ev.EpochEnded)[-1].best.metric == "average/val_recall"
    assert bench.of(ev.RunStarted)[0].steps_per_epoch == 5


@pytest.mark.parametrize("text", OTHERS)
def test_the_other_presets_are_valid(text):
    build(parse_toml(text, "page"), name="page", source="page")


def test_the_names_of_the_fine_tuning_are_those_of_the_model():
    (text,) = (text for text in OTHERS if "weights_skip" in text)
    table = parse_toml(text, "page")
    names = [table["model"]["weights_skip"][0], table["model"]["frozen"][0], table["optimizer"]["groups"][0]["match"]]
    del table["model"]["weights"], table["model"]["weights_skip"]
    bench = TrainerHarness(build(table, name="page", source="page", overrides=["training.epochs=1"]).first)
    parameters = [name for name, _ in bench.trainer.services.setup.model.named_parameters()]
    assert all(any(name.startswith(pattern.removesuffix("*")) for name in parameters) for pattern in names), parameters
