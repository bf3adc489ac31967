"""Groups and titles of series, recorded columns, and runs that differ only in their seed."""

from __future__ import annotations

import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.series_names import STANDARD, axes_of, group_of, runs_by_seed, title_of

names = st.text(st.characters(codec="utf-8"), max_size=30)


@pytest.mark.parametrize(
    ("name", "group", "title"),
    [
        ("val_loss", "", "val_loss"),
        ("shifted/loss", "shifted", "loss"),
        ("reward/mean", "reward", "mean"),
        ("class/7/recall", "class", "7/recall"),
        ("shifted/class/7/recall", "shifted/class", "7/recall"),
        ("a/b/c", "a", "b/c"),
        ("trailing/", "trailing", "trailing/"),
        ("red\x1b[31m/x", "red\x1b[31m", "x"),
    ],
)
def test_a_name_has_a_group_and_a_title(name: str, group: str, title: str):
    assert (group_of(name), title_of(name)) == (group, title)


@given(names)
def test_the_group_begins_the_name_and_the_title_is_printable(name: str):
    group = group_of(name)
    assert name.startswith(f"{group}/" if group else "")
    assert bool(group_of(name)) == ("/" in name and not name.startswith("/"))
    assert not any(unicodedata.category(char) == "Cc" for char in title_of(name))


def test_standard_names_have_no_group():
    assert all(group_of(name) == "" for name in STANDARD)


def test_recorded_columns_are_the_names_under_axis():
    assert axes_of(["val_loss", "axis/tokens", "axis/", "axis/images", "axisymmetric/x"]) == (
        "axis/images",
        "axis/tokens",
    )


def _run(seed: int | None, lr: float = 0.1):
    config = {"training": {"epochs": 3, "seed": seed}, "optimizer": {"lr": lr}}
    return SimpleNamespace(started=SimpleNamespace(config=config))


def test_runs_that_differ_only_in_the_seed_are_grouped():
    unknown = SimpleNamespace(started=None)
    runs = [_run(0), _run(0, 0.2), _run(1), unknown, _run(1, 0.2), _run(5, 0.3), _run(2)]
    assert runs_by_seed(runs) == [[0, 2, 6], [1, 4]]


def test_the_same_seed_twice_is_no_set():
    assert runs_by_seed([_run(0), _run(0)]) == []
