"""Many rows of a table at once: the same numbers as row by row."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tui_trainer.readers import csv_log
from tui_trainer.readers.dense_table import MANY, dense_rows
from tui_trainer.readers.reading import Position, Rows


def read(path: Path) -> Rows:
    reading = csv_log.read_csv(path, Position(), {})
    return reading.runs[""]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_dense_rows_hold_the_numbers_that_float_reads(delimiter: str, tmp_path: Path) -> None:
    dice = random.Random(0)
    cells = [
        [str(step), str(step // 100), *(repr(dice.uniform(-1, 1) * 10 ** dice.randint(-300, 300)) for _ in range(3))]
        for step in range(2 * MANY)
    ]
    path = tmp_path / "a.csv"
    names = ["step", "epoch", "a", "b", "c"]
    path.write_text("\n".join(delimiter.join(row) for row in [names, *cells]) + "\n")
    rows = read(path)
    for at, name in enumerate("abc", 2):
        assert list(rows.columns[name].values) == [float(row[at]) for row in cells]
        assert rows.columns[name].steps is rows.columns["a"].steps
    assert list(rows.columns["a"].steps) == list(range(2 * MANY))
    assert rows.epochs is not None
    assert list(rows.epochs.values) == [float(row[1]) for row in cells]


@pytest.mark.parametrize("odd", ["7,", "7,x", "7,1,2", "", "7,1_0", '7,"1"', f"{1 << 60},1", "-3,1", "2.5,1"])
def test_one_odd_row_makes_all_be_read_one_by_one(odd: str) -> None:
    lines = [f"{step},{step / 2}" for step in range(MANY)]
    assert dense_rows(lines, ["step", "loss"], ",", "step", (None, None)) is not None
    found = dense_rows([*lines, odd], ["step", "loss"], ",", "step", (None, None))
    assert found is None or (not odd and len(found.columns["loss"].values) == MANY)
