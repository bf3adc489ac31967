"""Placeholders in the texts of a lesson, filled from the measured values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tui_trainer.cli.main import main
from tui_trainer.config import measured_values
from tui_trainer.config.measured_values import filled
from tui_trainer.config.preset import build
from tui_trainer.errors import UserError

VALUES = {
    "S28": {"steps": {"mean": 3454.0, "least": 3450.0, "most": 3460.25}, "none": {"mean": None, "least": 0, "most": 1}},
    "S29": {"power": {"mean": 2.71828, "least": 2.6, "most": 2.9}},
}


@pytest.fixture(autouse=True)
def values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured_values, "measured_values", lambda: VALUES)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("n^{S29:power}", "n^2.72"),
        ("n^{S29:power:.1f}", "n^2.7"),
        ("{S29:power.least:.1f} to {S29:power.most:.1f}", "2.6 to 2.9"),
        ("{S28:steps:,.0f} steps", "3,454 steps"),
        ("{S29:power:.0%}", "272%"),
        ("a set {1, 2} and {x}", "a set {1, 2} and {x}"),
    ],
)
def test_a_placeholder_becomes_the_number_with_its_rounding(text: str, told: str) -> None:
    table = {"title": text, "summary": text, "lesson": {"truth": text, "remarks": [{"at": "end", "text": text}]}}
    changed = filled(table, "mine.toml")
    assert changed["title"] == changed["summary"] == changed["lesson"]["truth"] == told
    assert changed["lesson"]["remarks"] == [{"at": "end", "text": told}]
    assert table["title"] == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{S92:power}", "{S92:power}: no row 'S92' has measured claims to quote; did you mean 'S29'?"),
        ("{S29:powr:.1f}", "{S29:powr:.1f}: no claim 'powr' of S29 to quote; did you mean 'power'?"),
        ("{S29:power.mots}", "{S29:power.mots}: no part 'mots'; did you mean 'most'?"),
        ("{S29:power:.1q}", "{S29:power:.1q}: invalid format '.1q'; write one like .1f, .0% or ,.0f"),
        ("{S28:none}", "{S28:none}: the measured number was not finite"),
    ],
)
def test_an_unknown_row_claim_or_format_names_file_and_key_path(text: str, message: str) -> None:
    lesson = {"rows": ["S29"], "shows": "x", "remarks": [{"at": "start", "text": "a"}, {"at": "end", "text": text}]}
    with pytest.raises(UserError) as caught:
        build({"lesson": lesson}, name="mine", source="mine.toml")
    assert str(caught.value) == f"mine.toml: lesson.remarks.1.text: {message}"


def test_the_command_line_refuses_it_with_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[lesson]\nrows = ["S29"]\nshows = "n^{S29:powr}"\n')
    assert main(["run", str(path), "--runs-dir", str(tmp_path)]) == 2
    assert f"{path}: lesson.shows: {{S29:powr}}: no claim 'powr' of S29" in capsys.readouterr().err


def test_a_broken_file_of_values_is_named(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    path.write_text("{")
    with pytest.raises(UserError, match=r"measured\.json: the measured values of the lecture cannot be read"):
        measured_values.read(path)


def test_loading_every_lesson_imports_no_torch() -> None:
    code = "import sys; from tui_trainer.config.preset import *; [load(n) for n in preset_names()]; preset_tables()"
    code += "; import json; print(json.dumps([m for m in sys.modules if m == 'torch']))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == []
