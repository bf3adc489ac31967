"""Single settings change in the file; every other line of it stays."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_trainer.errors import UserError
from tui_trainer.ui.preferences.settings_file import HEADER, edited, read_table, save
from tui_trainer.ui.settings import load_settings


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'theme = "dark"\n'),
        ("# mine\n", '# mine\ntheme = "dark"\n'),
        ('theme = "light"  # at noon\n', 'theme = "dark"  # at noon\n'),
        ("theme='light'#no blanks", 'theme="dark"#no blanks'),
        ('"theme" = "light"\r\nascii = true\r\n', '"theme" = "dark"\r\nascii = true\r\n'),
        ("ascii = true\r\n", 'ascii = true\r\ntheme = "dark"\r\n'),
        ("ascii = true", 'ascii = true\ntheme = "dark"\n'),
        (
            'ascii = true\n\n# my keys\n[keys]\npause = "#"\n',
            'ascii = true\ntheme = "dark"\n\n# my keys\n[keys]\npause = "#"\n',
        ),
        ('[keys]\ntheme = "T"\n', 'theme = "dark"\n[keys]\ntheme = "T"\n'),
        ('theme = "a # b"  # c # d\n', 'theme = "dark"  # c # d\n'),
    ],
)
def test_a_key_changes_where_it_stands_and_a_new_one_follows_the_others(before: str, after: str) -> None:
    assert edited(before, {"theme": "dark"}) == after.replace('theme="dark"', 'theme="dark"')


@pytest.mark.parametrize("text", ['theme = """\nlight"""\n', "theme =\n", '[theme]\nname = "dark"\n', "\x00"])
def test_what_only_an_editor_can_change_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="editor"):
        edited(text, {"theme": "dark"})


COMMENT = st.text(st.characters(exclude_categories=("C",), exclude_characters="\u2028\u2029"), max_size=10)
LINES = st.lists(
    st.builds("# {}".format, COMMENT)
    | st.just("")
    | st.builds("rest = {}  # {}".format, st.integers(0, 9), COMMENT)
    | st.builds("max_fps={}".format, st.integers(1, 9))
    | st.builds('theme = "{}"'.format, st.sampled_from(["dark", "light"])),
    max_size=6,
    unique_by=lambda line: line.partition("=")[0] if "=" in line else object(),
)
CHANGES = st.fixed_dictionaries(
    {}, optional={"theme": st.sampled_from(["auto", "ansi"]), "rest": st.floats(0, 10), "ascii": st.booleans()}
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(LINES, st.sampled_from(["", "[keys]\npause = 'p'  # mine\n"]), CHANGES)
def test_any_file_means_the_same_but_for_the_changes_and_keeps_its_comments(
    lines: list[str], table: str, changes: dict[str, str | float | bool]
) -> None:
    before = "".join(f"{line}\n" for line in lines) + table
    after = edited(before, changes)
    assert tomllib.loads(after) == {**tomllib.loads(before), **changes}
    comments = [line[line.index("#") :] for line in before.split("\n") if "#" in line]
    assert [line[line.index("#") :] for line in after.split("\n") if "#" in line] == comments


def test_saving_creates_the_file_with_only_what_was_changed(tmp_path: Path) -> None:
    path = tmp_path / "config" / "settings.toml"
    saved = save(path, {"ascii": True})
    assert path.read_text() == f"{HEADER}ascii = true\n"
    assert saved == load_settings(path)
    assert read_table(path) == {"ascii": True}


def test_saving_follows_a_link_and_keeps_the_mark_at_the_start(tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_bytes(b"\xef\xbb\xbfrest = 1.0\n")
    (tmp_path / "settings.toml").symlink_to(target)
    save(tmp_path / "settings.toml", {"rest": 2.5})
    assert target.read_bytes() == b"\xef\xbb\xbfrest = 2.5\n"
    assert (tmp_path / "settings.toml").is_symlink()


def test_a_value_that_is_not_allowed_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("rest = 1\n")
    with pytest.raises(UserError, match="max_fps: 99 is not allowed"):
        save(path, {"max_fps": 99.0})
    assert path.read_text() == "rest = 1\n"


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"settings\.toml"):
        save(tmp_path / "file" / "settings.toml", {"ascii": True})
    os.mkfifo(tmp_path / "settings.toml")
    with pytest.raises(UserError, match="not a regular file"):
        save(tmp_path / "settings.toml", {"ascii": True})
    assert read_table(tmp_path / "settings.toml") == {}
