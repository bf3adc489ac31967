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


def text_of(*more: str) -> str:
    return "\n".join([*(f"{step},{step / 2}" for step in range(MANY)), *more]) + "\n"


ODD = ["7", "7,x", "7,1,2", "", "7,1_0", '7,"1"', '7,""', f"{1 << 70},1", "-3,1", "2.5,1", "7,true", "7,null", "7,[1]"]


@pytest.mark.parametrize("odd", [*ODD, "true,1", ",1", "nan,1", "inf,1", "7,[", "7\n8,1,"])
def test_one_odd_row_makes_all_be_read_one_by_one(odd: str) -> None:
    assert dense_rows(text_of(), ["step", "loss"], ",", "step", (None, None)) is not None
    assert dense_rows(text_of(odd), ["step", "loss"], ",", "step", (None, None)) is None


def test_empty_cells_and_numbers_that_are_none_are_read_with_the_others() -> None:
    more = ["100,,", "101,,2.5", "102,nan,", "103,-inf,inf", "104.0,1e-7,", "105,-0,3"]
    text = "".join(f"{step},{step / 2},\n" for step in range(MANY)) + "\n".join(more)
    found = dense_rows(text, ["step", "loss", "val"], ",", "step", (None, None))
    assert found is not None
    assert found.lines == MANY + len(more)
    loss, val = found.rows.columns["loss"], found.rows.columns["val"]
    assert list(loss.steps) == [*range(MANY), 102, 103, 104, 105]
    assert str(list(loss.values)[MANY:]) == "[nan, -inf, 1e-07, 0.0]"
    assert list(val.steps) == [101, 103, 105]
    assert list(val.values) == [2.5, float("inf"), 3.0]


def test_a_table_that_begins_with_empty_cells_is_read() -> None:
    text = "".join(f",{step},1\n" for step in range(MANY))
    found = dense_rows(text, ["lr", "step", "loss"], ",", "step", (None, None))
    assert found is not None
    assert set(found.rows.columns) == {"loss"}
