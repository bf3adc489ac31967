"""CSV files: what becomes of their columns, and where their mistakes are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from sklearn.preprocessing import StandardScaler

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
    assert data.target_scales[0] > 1
    with pytest.raises(ValidationError, match="label_noise"):
        Csv(task="regression", label_noise=0.1)


def test_classes_that_are_numbers_are_ordered_by_size(write: Any) -> None:
    content = "x,y\n" + "".join(f"{n},{(10, 9, -1)[n % 3]}\n" for n in range(30))
    assert Csv(path=write(content)).build(0).classes == ("-1", "9", "10")


def test_labels_that_are_numbers_are_compared_as_numbers(write: Any) -> None:
    content = "x,y\n" + "".join(f"{n},{('1', '1.0', '2', '02', '1e0', '-0.5')[n % 6]}\n" for n in range(30))
    data = Csv(path=write(content), validation=0.2, standardise=False).build(0)
    assert data.classes == ("-0.5", "1", "2")
    for row, label in zip(data.train.inputs.tolist(), data.train.targets.tolist(), strict=True):
        assert label == (1, 1, 2, 2, 1, 0)[round(row[0]) % 6]


@pytest.mark.parametrize("classes", [True, False])
def test_decimal_commas_are_numbers_and_the_note_says_so(write: Any, classes: bool) -> None:
    content = "x;big;y\n" + "".join(f"{n},5;1.{n:03d},25;{n % 2},5\n" for n in range(20))
    task: Any = "classification" if classes else "regression"
    data = Csv(path=write(content), delimiter=";", standardise=False, task=task).build(0)
    assert data.shape.inputs == (2,)
    rows = sorted(data.train.inputs.tolist() + data.validation.inputs.tolist())
    assert rows == [[n + 0.5, 1000.25 + n] for n in range(20)]
    assert data.classes == (("0.5", "1.5") if classes else ())
    assert "numbers with a decimal comma: x, big" in data.note


def test_identifiers_are_named_and_left_out(write: Any) -> None:
    rows = "".join(f"{n},u_{n},1_{n:03d},{n * n},{('a', 'b')[n % 2]},{n % 2}\n" for n in range(40))
    data = Csv(path=write("patient_id,name,code,size,kind,y\n" + rows), standardise=False).build(0)
    assert data.shape.inputs == (3,)
    assert "left out as identifiers, different in every row: patient_id, name, code" in data.note
    assert "numbers: size" in data.note
    assert "words, one column each: kind (2)" in data.note


def test_a_column_of_whole_numbers_is_no_identifier_by_its_values_alone(write: Any) -> None:
    data = Csv(path=write("x,y\n" + "".join(f"{n},{n % 2}\n" for n in range(40)))).build(0)
    assert data.shape.inputs == (1,)


@pytest.mark.parametrize(("center", "spread"), [(1e9, 1e-2), (1e12, 10.0), (-5e6, 1e-4), (0.0, 1e-300), (3.0, 0.0)])
def test_columns_are_standardised_as_scikit_learn_does(write: Any, center: float, spread: float) -> None:
    """A column that varies little around a large value keeps what varies."""
    values = [center + spread * (n % 7) for n in range(50)]
    content = "x,z,y\n" + "".join(f"{value!r},{n},{n % 2}\n" for n, value in enumerate(values))
    raw = Csv(path=write(content), standardise=False).build(0, wide=True)
    data = Csv(path=write(content)).build(0, wide=True)
    scaler = StandardScaler().fit(raw.train.inputs.numpy())
    for made, split in ((data.train, raw.train), (data.validation, raw.validation)):
        expected = scaler.transform(split.inputs.numpy())
        assert made.inputs.numpy() == pytest.approx(expected, rel=1e-9, abs=1e-9)


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
        (TABLE.replace(",25,", ",2_5,", 1), {}, ["row 7, column 'age' holds '2_5'"]),
        (TABLE.replace("52.5,yes", "52.5,NaN", 1), {}, ["row 7, column 'sick' holds 'NaN'", "remove the row"]),
        (TABLE.replace("52.5,yes", "52.5,null", 1), {}, ["row 7, column 'sick' holds 'null'"]),
        ("x,e,y\n" + "".join(f"{n},,{n % 2}\n" for n in range(9)), {}, ["column 'e' is empty in every row"]),
        (
            "x,e,y\n" + "".join(f"{n},{n if n % 3 else ''},{n % 2}\n" for n in range(9)), {},
            ["row 2, column 'e' is empty where a number is expected"],
        ),
        ("x;y\n0,5;0\n", {}, ["data.delimiter = ';'"]),
        ("x,y\n" + "".join(f"n{n},{n % 2}\n" for n in range(40)), {}, ["no column but 'y'", "x left out"]),
        (TABLE.replace(",25,", ",inf,", 1), {}, ["row 7, column 'age' holds 'inf'"]),
        (TABLE.replace("p5,25,blue", "p5,25,", 1), {}, ["row 7, column 'colour' is empty"]),
        (TABLE.replace("p5,25,blue", "p5,25", 1), {}, ["row 7: 4 cells where the header names 5"]),
        (TABLE.replace("52.5,yes", "52.5,", 1), {}, ["row 7, column 'sick' is empty"]),
        (TABLE, {"task": "regression"}, ["row 2, column 'sick' holds 'no' where a number is expected"]),
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
            "x,y\n" + "".join(f"n{n % 150},{n % 2}\n" for n in range(200)), {},
            ["column 'x' has 150 different words", "data.ignore = ['x']"],
        ),
    ],
    ids=[
        "target-unknown", "ignored-unknown", "target-ignored", "number-with-letter",
        "number-empty", "number-nan", "number-underscore", "class-nan", "class-null", "column-empty",
        "column-with-holes", "other-delimiter", "identifiers-alone", "number-infinite", "word-empty",
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


def test_commas_between_thousands_are_numbers_and_the_note_says_so(write: Any) -> None:
    cells = ['"1,500.5"', '"2,250,000"', "730", '"-3,000.0"']
    samples = Csv(path=write("x,y\n" + "".join(f"{cell},{'ab'[n % 2]}\n" for n, cell in enumerate(cells)))).draw(0)
    assert samples.inputs[:, 0].tolist() == [1500.5, 2250000.0, 730.0, -3000.0]
    assert "numbers with commas between thousands: x" in samples.note


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1,5", "2.5", "3,5", "1.5"], "row 2, column 'x' holds '1,5', and other rows have a decimal point"),
        (["1,5", "2.5", "3,5", "1,5"], "row 3, column 'x' holds '2.5', and other rows have a decimal comma"),
    ],
)
def test_numbers_written_in_two_ways_are_refused(write: Any, cells: list[str], message: str) -> None:
    path = write("x;y\n" + "".join(f"{cell};{'ab'[n % 2]}\n" for n, cell in enumerate(cells)))
    with pytest.raises(UserError, match=message):
        Csv(path=path, delimiter=";").draw(0)


def test_labels_that_are_numbers_are_one_class_beside_words(write: Any) -> None:
    samples = Csv(path=write("x,y\n1,1\n2,1.0\n3,other\n4,1.00\n")).draw(0)
    assert samples.classes == ("1", "other")
    assert samples.targets.tolist() == [0, 0, 1, 0]


def test_a_last_column_without_a_name_is_refused(write: Any) -> None:
    with pytest.raises(UserError, match="row 1: the last column has no name: remove the delimiter before it"):
        Csv(path=write("x,y,\n1,a,\n2,b,\n")).draw(0)
