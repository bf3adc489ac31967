"""CSV files: what becomes of their columns, and where their mistakes are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from tui_trainer.components.datasets.bundled import Csv
from tui_trainer.errors import UserError

HEADER = "id,age,colour,weight,sick\n"
ROWS = [f"p{n},{20 + n},{('red', 'green', 'blue')[n % 3]},{50 + n / 2},{('no', 'yes')[n % 2]}\n" for n in range(40)]
TABLE = HEADER + "".join(ROWS)


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def _write(content: str | bytes) -> str:
        path = tmp_path / "table.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return _write


def test_numbers_stay_and_words_become_columns(write: Any) -> None:
    data = Csv(path=write(TABLE), ignore=("id",), standardise=False).build(0)
    assert data.shape.task == "classification"
    assert data.shape.inputs == (5,), "age, blue, green, red, weight"
    assert data.classes == ("no", "yes")
    for row, label in zip(data.train.inputs.tolist(), data.train.targets.tolist(), strict=True):
        n = round(row[0]) - 20
        assert row[1:4] == [float(n % 3 == 2), float(n % 3 == 1), float(n % 3 == 0)]
        assert row[4] == 50 + n / 2
        assert label == n % 2


def test_a_regression(write: Any) -> None:
    data = Csv(path=write(TABLE), target="weight", ignore=("id", "sick"), task="regression").build(0)
    assert data.shape.task == "regression"
    assert data.shape.targets == 1
    assert data.references["guessing"] == pytest.approx(1.0)
    assert data.target_scale > 1
    with pytest.raises(ValidationError, match="label_noise"):
        Csv(task="regression", label_noise=0.1)


def test_classes_that_are_numbers_are_ordered_by_size(write: Any) -> None:
    content = "x,y\n" + "".join(f"{n},{(10, 9, -1)[n % 3]}\n" for n in range(30))
    assert Csv(path=write(content)).build(0).classes == ("-1", "9", "10")


def test_the_forms_that_csv_files_come_in(write: Any) -> None:
    plain = Csv(path=write(TABLE), ignore=("id",)).build(0)
    variants = {
        "spaces": TABLE.replace(",", " , "),
        "line ends": TABLE.replace("\n", "\r\n"),
        "mark": "\ufeff" + TABLE,
        "quotes": TABLE.replace("red", '"red"'),
        "blank lines": TABLE.replace("p7,", "\n\np7,"),
    }
    for name, content in variants.items():
        data = Csv(path=write(content), ignore=("id",)).build(0)
        assert torch.equal(data.train.inputs, plain.train.inputs), name
        assert data.classes == plain.classes, name
    data = Csv(path=write(TABLE.replace(",", ";")), ignore=("id",), delimiter=";").build(0)
    assert torch.equal(data.train.inputs, plain.train.inputs)


@pytest.mark.parametrize(
    ("content", "fields", "words"),
    [
        (TABLE, {"target": "sik"}, ["data.target = 'sik'", "did you mean 'sick'?"]),
        (TABLE, {"ignore": ("ids",)}, ["data.ignore = 'ids'", "did you mean 'id'?"]),
        (TABLE, {"ignore": ("sick",)}, ["data.ignore = 'sick'", "column to predict"]),
        (TABLE.replace("25,", "x25,", 1), {}, ["row 7, column 'age' holds 'x25'"]),
        (TABLE.replace(",25,", ",,", 1), {}, ["row 7, column 'age' is empty"]),
        (TABLE.replace(",25,", ",nan,", 1), {}, ["row 7, column 'age' holds 'nan'"]),
        (TABLE.replace(",25,", ",inf,", 1), {}, ["row 7, column 'age' holds 'inf'"]),
        (TABLE.replace("p5,25,blue", "p5,25,", 1), {}, ["row 7, column 'colour' is empty"]),
        (TABLE.replace("p5,25,blue", "p5,25", 1), {}, ["row 7: 4 cells where the header names 5"]),
        (TABLE.replace("52.5,yes", "52.5,", 1), {}, ["row 7, column 'sick' is empty"]),
        (TABLE, {"task": "regression"}, ["row 2, column 'sick' holds 'no' where a number is wanted"]),
        (TABLE.replace("yes", "no"), {}, ["column 'sick' holds 'no' alone"]),
        (TABLE.replace("age", "id", 1), {}, ["row 1: two columns are named 'id'"]),
        (TABLE.replace("p5,", '"p5,', 1), {}, ["row "]),
        (HEADER, {}, ["a header and no rows"]),
        ("", {}, ["is empty"]),
        ("y\n1\n2\n", {}, ["no column but 'y'"]),
        (b"x,y\n\xfe,1\n", {}, ["not UTF-8", "line 2"]),
        (
            "x,y\n" + "".join(f"{n},{n}\n" for n in range(200)), {},
            ["column 'y' has 200 different values", 'data.task = "regression"'],
        ),
        (
            "x,y\n" + "".join(f"n{n},{n % 2}\n" for n in range(200)), {},
            ["column 'x' has 200 different words", "data.ignore = ['x']"],
        ),
    ],
    ids=[
        "target-unknown", "ignored-unknown", "target-ignored", "number-with-letter",
        "number-empty", "number-nan", "number-infinite", "word-empty",
        "row-short", "class-empty", "target-of-words", "one-class",
        "names-twice", "quote-open", "no-rows", "no-header",
        "no-inputs", "not-utf8", "too-many-classes", "too-many-words",
    ],
)  # fmt: skip
def test_mistakes_are_named_by_row_and_column(
    write: Any, content: str | bytes, fields: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UserError) as refusal:
        Csv(path=write(content), **fields).build(0)
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize("standardise", [True, False])
def test_numbers_that_float32_cannot_hold_are_refused(write: Any, standardise: bool) -> None:
    content = "x,y\n" + "".join(f"{n}e300,{n % 2}\n" for n in range(1, 30))
    with pytest.raises(UserError, match="numbers beyond 3"):
        Csv(path=write(content), standardise=standardise).build(0)


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n", "\r"])
def test_delimiters_that_delimit_nothing(delimiter: str) -> None:
    with pytest.raises(ValidationError):
        Csv(delimiter=delimiter)


def test_a_missing_path() -> None:
    with pytest.raises(UserError, match=r"data\.path is empty"):
        Csv().build(0)
    with pytest.raises(UserError, match="no such file"):
        Csv(path="/nowhere/table.csv").build(0)
