"""The lecture's page and its quoted values: measured with five seeds, with the presets of now, and alike."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest

from scripts import measured_presets
from scripts.measured_presets import stale_rows
from tui_trainer.config.measured_values import FILE
from tui_trainer.config.preset_library import preset_tables
from tui_trainer.lecture.outline import ROWS
from tui_trainer.paths import presets_dir

PAGE = Path(__file__).parents[2] / "docs" / "lecture.md"
VALUE = re.compile(
    r"^\| .* \| (\S+) \[(\S+), (\S+)\] \| .* \| (?:measured|exact|by construction) \| holds \|$", re.MULTILINE
)


def test_every_row_was_measured_with_the_presets_of_now() -> None:
    assert stale_rows() == [], "python scripts/measured_presets.py says how to measure them again"


def test_a_preset_that_trains_otherwise_is_found_and_one_with_other_words_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = copy.deepcopy(preset_tables())
    tables["lr-low"]["training"]["epochs"] += 1
    tables["zigzag"]["lesson"]["truth"] = "other words"
    monkeypatch.setattr(measured_presets, "preset_tables", lambda: tables)
    assert stale_rows() == ["S38"]


def test_the_page_has_every_row_with_five_seeds_and_claims_that_hold() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "over the seeds 0, 1, 2, 3, 4." in text
    assert set(re.findall(r"^### (\w+)\. ", text, re.MULTILINE)) == set(ROWS)
    assert "| fails |" not in text


def test_the_values_that_lessons_quote_are_those_of_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\. (.*?)(?=^### |^## |\Z)", text, re.MULTILINE | re.DOTALL))
    quoted = json.loads((presets_dir() / FILE).read_text(encoding="utf-8"))
    for row, claims in quoted.items():
        shown = [tuple(map(float, found)) for found in VALUE.findall(sections[row])]
        for key, parts in claims.items():
            values = tuple(parts[part] for part in ("mean", "least", "most"))
            if None not in values:
                assert any(one == pytest.approx(values, rel=6e-4, abs=1e-12) for one in shown), f"{row}: {key}"
