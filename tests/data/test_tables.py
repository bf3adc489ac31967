"""Tables with missing values and categories, from CSV and Parquet files, and as further validation sets."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.components.datasets.bundled import Csv, Parquet
from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev

ROWS = 40
AGES = [None if n % 8 == 3 else 20.0 + n for n in range(ROWS)]
COLOURS = [None if n % 10 == 4 else ("red", "green", "blue")[n % 3] for n in range(ROWS)]
WEIGHTS = [50 + n / 2 for n in range(ROWS)]
SICK = [("no", "yes")[n % 2] for n in range(ROWS)]


def text(value: object) -> str:
    return "" if value is None else str(value)


def csv(path: Path, columns: dict[str, Any]) -> str:
    lines = [",".join(columns), *(",".join(map(text, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def table(tmp_path):
    return csv(tmp_path / "t.csv", {"age": AGES, "colour": COLOURS, "weight": WEIGHTS, "sick": SICK})


def test_the_first_missing_value_is_named_with_what_to_do(table):
    with pytest.raises(UserError, match=r"row 5, column 'age' is empty .*data\.missing = \"fill\" or \"drop\""):
        Csv(path=table).build(0)


def test_missing_numbers_are_the_mean_of_the_training_rows_and_missing_words_are_none(table):
    data = Csv(path=table, missing="fill", standardise=False).build(0)
    assert data.features == ("age", "colour=blue", "colour=green", "colour=red", "weight")
    assert "missing values filled: age 5, colour 4" in data.note
    rows = {
        part: [round((row[4] - 50) * 2) for row in split.inputs.tolist()]
        for part, split in (("t", data.train), ("v", data.validation))
    }
    mean = np.mean([AGES[n] for n in rows["t"] if AGES[n] is not None])
    for part, split in (("t", data.train), ("v", data.validation)):
        for n, row in zip(rows[part], split.inputs.tolist(), strict=True):
            assert row[0] == pytest.approx(AGES[n] if AGES[n] is not None else mean)
            assert row[1:4] == [float(COLOURS[n] == word) for word in ("blue", "green", "red")]


def test_standardised_columns_have_mean_0_with_what_was_filled(table):
    data = Csv(path=table, missing="fill").build(0)
    assert data.train.inputs.mean(0).abs().max() < 1e-6


def test_rows_with_missing_values_are_left_out_and_counted(table):
    complete = [n for n in range(ROWS) if AGES[n] is not None and COLOURS[n] is not None]
    data = Csv(path=table, missing="drop").build(0)
    assert len(data.train) + len(data.validation) == len(complete)
    assert f"{ROWS - len(complete)} rows with missing values left out" in data.note


def test_a_missing_target_is_filled_by_nothing(tmp_path):
    path = csv(tmp_path / "t.csv", {"x": WEIGHTS, "y": [None, *SICK[1:]]})
    with pytest.raises(UserError, match="row 2, column 'y' is empty"):
        Csv(path=path, missing="fill").build(0)
    assert len(Csv(path=path, missing="drop").build(0).validation) == 8


def test_no_row_without_a_missing_value(tmp_path):
    path = csv(tmp_path / "t.csv", {"x": [None] * 20 + WEIGHTS[20:], "z": WEIGHTS[:20] + [None] * 20, "y": SICK})
    with pytest.raises(UserError, match=r"every row misses a value.*data\.ignore"):
        Csv(path=path, missing="drop").build(0)


def test_a_further_set_has_the_columns_and_words_of_the_training_data(tmp_path, table):
    other = csv(
        tmp_path / "o.csv",
        {"weight": WEIGHTS[:6], "colour": ["red", None, "red", "red", "red", "red"], "age": AGES[:6], "sick": SICK[:6]},
    )
    config = tiny_config(
        data={"kind": "csv", "path": table, "target": "sick", "missing": "fill", "standardise": False},
        training={"epochs": 1},
        validation_sets={
            "other": {"part": "all", "data": {"kind": "csv", "path": other, "target": "sick", "missing": "fill"}}
        },
    )
    bench = TrainerHarness(config)
    setup = bench.trainer.services.setup
    rows = setup.validation_sets["other"].inputs
    assert rows[0].tolist() == [20.0, 0.0, 0.0, 1.0, 50.0]
    assert rows[1].tolist() == [21.0, 0.0, 0.0, 0.0, 50.5]
    assert rows[3, 0] == pytest.approx(setup.data.fill[0])
    bench.finish()
    assert "other/accuracy" in bench.of(ev.EpochEnded)[0].metrics


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"age": AGES[:4], "colour": ["violet"] * 4, "weight": WEIGHTS[:4]}, "column 'colour' holds 'violet'"),
        ({"age": AGES[:4], "weight": WEIGHTS[:4]}, "column 'colour' of the training data is missing"),
        ({"age": AGES[:4], "colour": COLOURS[:4], "weight": WEIGHTS[:4], "size": [1, 2, 3, 4]}, "column 'size'"),
    ],
)
def test_a_further_set_with_other_columns_is_refused(tmp_path, table, columns, words):
    other = csv(tmp_path / "o.csv", columns | {"sick": SICK[:4]})
    data = {"kind": "csv", "path": table, "target": "sick", "missing": "fill"}
    with pytest.raises(UserError, match=words):
        TrainerHarness(tiny_config(data=data, validation_sets={"o": {"part": "all", "data": {**data, "path": other}}}))


# -- Parquet --------------------------------------------------------------------------------------------------------

needs_arrow = pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")


def parquet(path: Path, columns: dict[str, Any]) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)
    return str(path)


@needs_arrow
@pytest.mark.parametrize("missing", ["fill", "drop"])
def test_a_parquet_file_gives_the_samples_of_the_same_csv_file(tmp_path, table, missing):
    path = parquet(tmp_path / "t.parquet", {"age": AGES, "colour": COLOURS, "weight": WEIGHTS, "sick": SICK})
    one, other = Csv(path=table, missing=missing).build(3), Parquet(path=path, missing=missing).build(3)
    assert one.note == other.note
    assert one.features == other.features
    assert one.train.inputs.equal(other.train.inputs)
    assert one.validation.targets.equal(other.validation.targets)


@needs_arrow
def test_rows_and_columns_of_a_parquet_file_are_named(tmp_path):
    path = parquet(tmp_path / "t.parquet", {"age": AGES, "colour": COLOURS, "sick": SICK})
    with pytest.raises(UserError, match=r"row 4, column 'age' is empty"):
        Parquet(path=path).build(0)
    path = parquet(tmp_path / "n.parquet", {"age": [[1], [2]] * 20, "weight": WEIGHTS, "sick": SICK})
    with pytest.raises(UserError, match=r"column 'age' holds list.*data\.ignore = \['age'\]"):
        Parquet(path=path).build(0)
    assert Parquet(path=path, ignore=("age",)).build(0).features == ("weight",)
    with pytest.raises(UserError, match=r"data\.target = 'sic'.*sick"):
        Parquet(path=path, target="sic", ignore=("age",)).build(0)


@needs_arrow
def test_a_file_that_is_no_parquet_file_is_named(table):
    with pytest.raises(UserError, match=r"t\.csv' is not a Parquet file"):
        Parquet(path=table).build(0)


def test_the_missing_package_is_named(tmp_path, table, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"tui-trainer\[parquet\]"):
        Parquet(path=table).build(0)
