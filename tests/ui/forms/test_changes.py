"""Changes of a configuration as KEY=VALUE."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

import pytest
from pydantic import BaseModel

from tui_trainer.components.models import CNN, MLP
from tui_trainer.components.optimizers.first_order import SGD, Adam
from tui_trainer.config.preset import load
from tui_trainer.config.run_config import RunConfig
from tui_trainer.ui.forms.changes import section_changes, split_changes, toml_value


def check(changes: Sequence[str]) -> RunConfig:
    return load("digits-mlp", changes).first


@pytest.mark.parametrize(
    "value", [True, 3, 0.1, 1e-05, "relu", "a b", 'a "quote"', "true", "nan", "5", (1, 2.5), ("a", "b")], ids=repr
)
def test_a_value_is_read_back_as_it_was(value: object) -> None:
    text = toml_value(value)
    try:
        read = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        read = text  # a bare word, as on the command line
    assert read == (list(value) if isinstance(value, tuple) else value)


def test_there_is_no_empty_value() -> None:
    with pytest.raises(ValueError, match="emptied"):
        toml_value(None)


@pytest.mark.parametrize(
    ("key", "chosen"),
    [
        ("optimizer", SGD(lr=0.5, momentum=0.9)),
        ("optimizer", SGD()),
        ("optimizer", Adam(lr=0.0003, betas=(0.8, 0.99))),
        ("model", CNN()),
        ("model", MLP(hidden=(32,), dropout=0.1)),
    ],
    ids=str,
)
def test_the_changes_lead_to_what_was_chosen(key: str, chosen: BaseModel) -> None:
    changes = section_changes(key, getattr(check(()), key), chosen, check)
    assert getattr(check(changes), key) == chosen


def test_only_what_differs_is_written() -> None:
    base = check(()).optimizer
    assert section_changes("optimizer", base, base, check) == []
    assert section_changes("optimizer", base, base.model_copy(update={"lr": 0.01}), check) == ["optimizer.lr=0.01"]
    # Another kind keeps the rate of the preset: it is not repeated.
    assert section_changes("optimizer", base, SGD(lr=0.0003), check) == ["optimizer.kind=sgd"]


def test_quotes_are_those_of_a_shell() -> None:
    assert split_changes("a=1 title='two words'") == ["a=1", "title=two words"]
    with pytest.raises(ValueError, match="not closed"):
        split_changes("title='two")
