"""The short way to read presets for a list gives what the whole files say."""

from __future__ import annotations

import pytest

from tui_trainer.config import preset_library
from tui_trainer.config.preset_library import listed_tables, preset_tables
from tui_trainer.errors import UserError

KEYS = ("title", "summary", "group")


def test_a_list_shows_what_the_whole_files_say():
    listed, whole = listed_tables(), preset_tables()
    assert listed.keys() == whole.keys()
    for name, table in whole.items():
        assert [listed[name].get(key) for key in KEYS] == [table.get(key) for key in KEYS], name
        assert [variant["name"] for variant in listed[name].get("variant", [])] == [
            variant["name"] for variant in table.get("variant", [])
        ], name
        assert ("lesson" in listed[name]) == ("lesson" in table), name


def test_a_text_with_a_line_that_begins_with_a_bracket(tmp_path, monkeypatch):
    monkeypatch.setattr(preset_library, "presets_dir", lambda: tmp_path)
    text = 'summary = """\nfirst\n[not a table]\n"""\n[[variant]]\nname = "a"\n[lesson]\nsays = """\n[[variant]]\n"""\n'
    (tmp_path / "odd.toml").write_text(text)
    (table,) = listed_tables().values()
    assert table["summary"] == "first\n[not a table]\n"
    assert [variant["name"] for variant in table["variant"]] == ["a"]


def test_a_broken_file_is_named_with_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(preset_library, "presets_dir", lambda: tmp_path)
    (tmp_path / "broken.toml").write_text('title = "a"\nsummary = \n')
    with pytest.raises(UserError, match=r"broken\.toml.*line 2"):
        listed_tables()
