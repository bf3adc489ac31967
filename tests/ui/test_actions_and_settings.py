"""The table of actions, and the settings that change keys and themes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.fake_session import FakeSession, app_over
from tui_trainer.errors import UserError
from tui_trainer.ui import themes
from tui_trainer.ui.actions import ACTIONS, BY_ID, key_table, keys_of, shown_key
from tui_trainer.ui.dashboard.screen import Dashboard
from tui_trainer.ui.settings import Settings, load_settings
from tui_trainer.ui.steering.controls import CONTROLS
from tui_trainer.ui.terminal.key_names import key_name, key_sign


def test_action_ids_and_keys_are_unique() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(BY_ID) == len(ACTIONS)
    assert len(set(keys)) == len(keys)


def test_the_dashboard_handles_every_action() -> None:
    dashboard = app_over(FakeSession()).get_default_screen()
    assert isinstance(dashboard, Dashboard)
    assert dashboard.known_actions == set(BY_ID)


def test_the_key_table_names_every_key_and_action() -> None:
    table = key_table()
    for action in ACTIONS:
        assert f"`{action.id}`" in table
        assert f"`{shown_key(action, {})}`" in table
        assert action.help in table


def test_key_names() -> None:
    assert key_name("?") == "question_mark"
    assert key_name(" ") == "space"
    assert key_sign("shift+left") == "shift+←"
    assert key_sign("ctrl+l") == "^l"
    assert key_sign("plus") == "+"
    assert keys_of(BY_ID["pause"], {"pause": "f5, ?"}) == ("f5", "question_mark")
    assert shown_key(BY_ID["epochs"], {}) == "o E"
    assert shown_key(BY_ID["epochs"], {"epochs": "f6"}) == "f6"
    assert shown_key(BY_ID["epochs"], {"steer": "f7"}) == "f7 E"


def test_letters_of_the_panel_are_unique_and_those_of_direct_keys() -> None:
    letters = [action.letter for action in ACTIONS if action.letter]
    assert len(set(letters)) == len(letters)
    for action in ACTIONS:
        if action.letter and action.keys:
            assert action.letter == key_sign(action.keys[0])
    assert {control.id for control in CONTROLS} == {action.id for action in ACTIONS if action.letter}


@pytest.mark.parametrize("text", ['keys = "classic"', '[keys]\nbase = "classic"\npause = "f5"'])
def test_the_classic_keymap_brings_the_old_letters_back(tmp_path: Path, text: str) -> None:
    settings = load_settings(write(tmp_path / "settings.toml", text))
    keys = {name: keys_of(BY_ID[name], settings.keys) for name in BY_ID}
    assert keys["rate"] == ("l",)
    assert keys["drop_rate"] == ("k",)
    assert keys["optimizer"] == ("o",)
    assert keys["anew"] == ("N",)
    assert keys["zoom_in"] == ("up",)
    assert keys["pause"] == (("f5",) if "f5" in text else ("space",))
    assert len(found := [key for own in keys.values() for key in own]) == len(set(found))


def test_a_key_of_the_user_is_taken_from_the_actions_that_have_another(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path / "settings.toml", '[keys]\ndrop_rate = "k"\nrate = "l"\n'))
    assert keys_of(BY_ID["drop_rate"], settings.keys) == ("k",)
    assert keys_of(BY_ID["zoom_in"], settings.keys) == ("up",)
    assert keys_of(BY_ID["cursor_right"], settings.keys) == ("right",)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_settings_are_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "settings.toml", 'theme = "light"\nmax_fps = 2\n[keys]\npause = "f5"\n')
    assert load_settings(path) == Settings(theme="light", max_fps=2, keys={"pause": "f5"})


def test_missing_settings_are_the_defaults(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml") == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('them = "dark"', ["them", "did you mean 'theme'"]),
        ('theme = "blue"', ["theme", "dark"]),
        ("max_fps = 0", ["max_fps: 0 is not allowed: must be greater than 0 and at most 30"]),
        ("rest = 4000", ["rest: 4000 is not allowed: must be at least 0 and at most 3600"]),
        ("max_kbps = nan", ["max_kbps: nan is not allowed: must be at least 0"]),
        ('[keys]\npaus = "x"', ["keys", "'paus'", "did you mean 'pause'"]),
        ('[keys]\npause = "s"', ["keys", "'s'", "pause and schedule"]),
        ('keys = "clasic"', ["keys", "'clasic'", "did you mean 'classic'"]),
        ("theme = ", ["not TOML"]),
        ("x = " + "[" * 2000 + "]" * 2000, ["settings.toml"]),
        ("#" * 70_000, ["limit 64 kB"]),
    ],
    ids=[
        "unknown",
        "value",
        "bound",
        "past",
        "nan",
        "unknown-action",
        "key-twice",
        "keymap",
        "broken",
        "nested",
        "large",
    ],
)
def test_errors_name_the_file_and_the_key(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path / "settings.toml", text)
    with pytest.raises(UserError) as error:
        load_settings(path)
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_unreadable_settings_are_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"settings\.toml"):
        load_settings(write(tmp_path / "settings.toml", "") / "deeper")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not TOML"):
        load_settings(tmp_path / "bytes.toml")


@pytest.mark.parametrize(
    ("setting", "environ", "theme"),
    [
        ("auto", {"TERM": "xterm-256color"}, themes.DARK),
        ("auto", {"TERM": "xterm-256color", "COLORFGBG": "0;15"}, themes.LIGHT),
        ("auto", {"TERM": "xterm-256color", "COLORFGBG": "15;0"}, themes.DARK),
        ("auto", {"TERM": "xterm-256color", "COLORFGBG": "rubbish"}, themes.DARK),
        ("light", {"TERM": "xterm-256color"}, themes.LIGHT),
        ("dark", {"TERM": "xterm-256color", "COLORFGBG": "0;15"}, themes.DARK),
        ("auto", {"TERM": "linux"}, themes.ANSI_DARK),
        ("auto", {"TERM": "xterm", "COLORTERM": "truecolor"}, themes.DARK),
        ("light", {"TERM": "xterm-256color", "NO_COLOR": "1"}, themes.PLAIN_LIGHT),
        ("light", {"TERM": "xterm-256color", "NO_COLOR": ""}, themes.LIGHT),
        ("light", {"TERM": "no-such-terminal", "COLORFGBG": "0;15"}, themes.ANSI_LIGHT),
        ("auto", {"TERM": "screen", "COLORTERM": "truecolor"}, themes.ANSI_DARK),
        ("ansi", {"TERM": "xterm-256color"}, themes.ANSI_DARK),
    ],
)
def test_the_theme_follows_the_setting_and_the_terminal(setting: str, environ: dict[str, str], theme: object) -> None:
    assert themes.choose(setting, environ) is theme
