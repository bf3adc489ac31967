"""`--seeds`: which runs it makes, and what it refuses."""

from __future__ import annotations

import pytest

from tui_trainer.config.preset import load
from tui_trainer.config.seeds import parse_seeds, with_seeds
from tui_trainer.errors import UserError


def test_a_number_and_a_list_are_seeds():
    assert parse_seeds("5") == (0, 1, 2, 3, 4)
    assert parse_seeds("0, 3,7") == (0, 3, 7)


@pytest.mark.parametrize("text", ["", "0", "1", "65", "-3", "1,1", "a", "1,,2", "1,99999999999999999999", "2.5"])
def test_other_texts_are_refused(text: str):
    with pytest.raises(UserError, match="--seeds"):
        parse_seeds(text)


def test_the_runs_differ_only_in_the_seed():
    preset = load("digits-mlp", ["training.epochs=2"])
    runs = with_seeds(preset, (0, 7)).runs
    assert list(runs) == ["seed-0", "seed-7"]
    tables = [config.model_dump() for config in runs.values()]
    assert [table["training"].pop("seed") for table in tables] == [0, 7]
    assert tables[0] == tables[1]


def test_variants_cannot_be_combined_with_seeds():
    with pytest.raises(UserError, match=r"has the variants .*; use --seeds with a preset of one run"):
        with_seeds(load("optimizer-race"), (0, 1))
