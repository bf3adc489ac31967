"""Texts: windows, splits and the references that a model should beat."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from tui_trainer.components.datasets.bundled import Text
from tui_trainer.data import text as module
from tui_trainer.data.text import bigram_entropy
from tui_trainer.errors import UserError

SAMPLE = "the cat sat on the mat, the rat ate the cat's hat. " * 12


def write(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "text.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def spelled(classes: tuple[str, ...], symbols: torch.Tensor) -> str:
    return "".join(classes[symbol] for symbol in symbols.flatten().tolist())


def test_windows_lie_side_by_side_and_look_one_symbol_ahead(tmp_path: Path) -> None:
    data = Text(path=write(tmp_path, SAMPLE), context=10, validation=0.25).build(0)
    assert data.shape.task == "language"
    assert data.shape.inputs == (10,)
    assert data.classes == tuple(sorted(set(SAMPLE)))
    train = spelled(data.classes, data.train.inputs)
    assert SAMPLE.startswith(train)
    assert SAMPLE[1:].startswith(spelled(data.classes, data.train.targets))
    assert torch.equal(data.train.inputs[:, 1:], data.train.targets[:, :-1])
    start = len(SAMPLE) - round(len(SAMPLE) * 0.25)
    assert SAMPLE[start:].startswith(spelled(data.classes, data.validation.inputs))
    assert data.train.inputs.numel() <= start
    assert data.train.inputs.dtype == data.train.targets.dtype == torch.int64


def test_a_test_split_lies_before_the_validation_split(tmp_path: Path) -> None:
    data = Text(path=write(tmp_path, SAMPLE), context=5, validation=0.2, test=0.1).build(0)
    last = len(SAMPLE) - round(len(SAMPLE) * 0.2)
    assert data.test is not None
    assert SAMPLE[last - round(len(SAMPLE) * 0.1) :].startswith(spelled(data.classes, data.test.inputs))
    assert SAMPLE[last:].startswith(spelled(data.classes, data.validation.inputs))


def test_the_bigram_reference_is_the_conditional_entropy_of_the_text() -> None:
    pairs = Counter(pairwise(SAMPLE))
    firsts = Counter(SAMPLE[:-1])
    total = len(SAMPLE) - 1
    expected = -sum(count / total * math.log(count / firsts[first]) for (first, _), count in pairs.items())
    _, symbols = np.unique(list(SAMPLE), return_inverse=True)
    assert bigram_entropy(symbols.astype(np.int64)) == pytest.approx(expected)


def test_a_text_that_its_last_symbol_decides_has_no_entropy_left(tmp_path: Path) -> None:
    data = Text(path=write(tmp_path, "abc" * 200), context=8).build(0)
    assert data.references["bigram model"] == pytest.approx(0, abs=1e-9)
    assert data.references["guessing"] == pytest.approx(math.log(3), abs=1e-3)


def test_the_help_of_python_is_the_default() -> None:
    data = Text().build(0)
    assert data.shape.inputs == (64,)
    assert data.shape.targets > 80
    assert len(data.train) > 3000
    assert 2 < data.references["bigram model"] < data.references["guessing"] < 4


def test_symbols_beyond_ascii(tmp_path: Path) -> None:
    text = "\ufeffžluťoučký kůň 🐴\r\n" * 30
    data = Text(path=write(tmp_path, text), context=4).build(0)
    assert "🐴" in data.classes
    assert "\ufeff" in data.classes, "only the mark at the very beginning is not part of the text"
    data = Text(path=write(tmp_path, "\ufeff" + "ab" * 50), context=4).build(0)
    assert data.classes == ("a", "b")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"good line\nbad \xff byte" + b"x" * 500, "not UTF-8: byte 14 in line 2 is 0xff"),
        ("", "has 0 symbols"),
        ("too short", "has 9 symbols: for data.context = 64"),
    ],
)
def test_files_that_hold_no_usable_text(tmp_path: Path, content: str | bytes, words: str) -> None:
    with pytest.raises(UserError) as refusal:
        Text(path=write(tmp_path, content)).build(0)
    assert words in str(refusal.value)
    assert "data.path = " in str(refusal.value)


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, words in [
        (str(tmp_path / "none.txt"), "no such file"),
        (str(tmp_path), "is not a file"),
        ("a\0b", "data.path"),
        ("~nobody-of-that-name/x", "data.path"),
        ("/dev/zero", "is not a file"),
    ]:
        with pytest.raises(UserError) as refusal:
            Text(path=path).build(0)
        assert words in str(refusal.value)
    monkeypatch.setattr(module, "LIMIT", 1 << 20)
    with pytest.raises(UserError, match="larger than 1 MB"):
        Text(path=write(tmp_path, b"x" * ((1 << 20) + 1))).build(0)
