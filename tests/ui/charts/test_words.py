"""Short texts on charts: interventions in words, and names of layers that still differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.state.run_state import Mark
from tui_trainer.text import visible
from tui_trainer.ui.charts.labels.distinct_names import distinct_names
from tui_trainer.ui.charts.labels.mark_words import MAX_CELLS, mark_words


@pytest.mark.parametrize(
    ("letter", "text", "words"),
    [
        ("l", "learning rate 0.0008, was 0.008 (ann@host (pts/0))", "rate ÷10"),
        ("l", "learning rate 0.02, was 0.01", "rate x2"),
        ("l", "rate 3e-4 → 3e-5", "rate ÷10"),
        ("l", "learning rate 0.0123, was 0.01", "rate 0.0123"),
        ("l", "learning rate 5, was 2.335e-05 (root@vm)", "rate x214,000"),
        ("l", "learning rate 0, was 0.01", "rate 0"),
        ("g", "gradient clip 1, was off (ann@host)", "clip 1"),
        ("g", "gradient clip off, was 1", "clip off"),
        ("E", "epochs 20, was 10", "epochs 20"),
        ("s", "schedule one-cycle 10%, starting at lr 0.01", "schedule one-cycle"),
        ("o", "optimizer adam lr=0.01 with lr 0.01, was sgd", "optimizer adam"),
        ("b", "rolled back to checkpoint best (epoch 3)", "back to best"),
        ("u", "undone: set lr; continuing from step 8", "undone"),
        ("n", "note: look here (ann@host)", "look here"),
        ("?", "", ""),
    ],
)
def test_an_intervention_in_words(letter: str, text: str, words: str):
    assert mark_words(Mark(step=1, letter=letter, text=text)) == words


@given(letter=st.sampled_from("lgpEsobucexn?"), text=st.text(max_size=80))
def test_words_are_short_for_any_text(letter: str, text: str):
    words = mark_words(Mark(step=1, letter=letter, text=text))
    assert len(words) <= MAX_CELLS + 8
    assert words == visible(words)


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["hidden1", "hidden2"], ["hidden1", "hidden2"]),
        (["block1.attention.qkv", "block1.attention.out"], ["qkv", "out"]),
        (["block1.attention.qkv", "block2.attention.qkv"], ["block1", "block2"]),
        (["block1.attention.qkv", "block2.attention.out", "head"], ["block1.qkv", "block2.out", "head"]),
        (["encoder12.attention.projection", "encoder13.attention.output", "x"], ["projection", "output", "x"]),
        (["averyveryverylongname1", "averyveryverylongname2"], ["…rylongname1", "…rylongname2"]),
    ],
)
def test_names_lose_what_they_have_in_common(names: list[str], short: list[str]):
    assert distinct_names(names) == short


@given(st.lists(st.text("ab1.", min_size=1, max_size=30), max_size=6, unique=True))
def test_short_names_fit(names: list[str]):
    short = distinct_names(names)
    assert len(short) == len(names)
    assert all(len(name) <= 12 for name in short)
