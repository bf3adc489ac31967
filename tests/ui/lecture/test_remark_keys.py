"""The keys that remarks name are those of the screen."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import preset_tables
from tui_trainer.ui.actions import ACTIONS
from tui_trainer.ui.terminal.key_names import key_sign

DIRECT = {key_sign(key) for action in ACTIONS for key in action.keys}
LETTERS = {action.letter for action in ACTIONS if action.letter}
EFFECTS = {"adds": "turn", "divides": "", "doubles": "double_rate", "lists": "runs", "selects": "next_run"}
"""The one action that a remark may mean by `KEY VERB`; empty where only the steer panel does that."""

PANEL = re.compile(r"\bo, then (\S)(?=\W|$)")
SETTING = re.compile(r"\b[a-z_]+(?:\.[a-z_]+)+=\S+")
EFFECT = re.compile(rf"(?<![\w=])(\S|tab) ({'|'.join(EFFECTS)})\b")
PRESSED = re.compile(r"\b[Pp]ress (\S)(?=\W|$)")


def wrong(text: str) -> Iterator[str]:
    """Yield each place of a remark that names a key for what it does not do."""
    yield from (found[0] for found in PANEL.finditer(text) if found[1] not in LETTERS)
    yield from (found[0] for found in PRESSED.finditer(text) if found[1] not in DIRECT)
    keys = {action.id: {key_sign(key) for key in action.keys} for action in ACTIONS}
    yield from (found[0] for found in EFFECT.finditer(text) if found[1] not in keys.get(EFFECTS[found[2]], ()))
    first = SETTING.search(text)
    if first and "o, then N" not in text[: first.start()]:
        yield first[0]


@pytest.mark.parametrize("name", [name for name, table in preset_tables().items() if "lesson" in table])
def test_remarks_name_the_keys_of_the_screen(name: str) -> None:
    lesson = load(name).first.lesson
    assert lesson is not None
    assert [place for remark in lesson.remarks for place in wrong(remark.text)] == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("When it is flat, k divides the rate by ten.", "k divides"),
        ("E adds epochs during training.", "E adds"),
        ("Try N, data.margin=0.05 for more.", "data.margin=0.05"),
        ("Change it by o, then q.", "o, then q"),
    ],
)
def test_a_key_of_another_effect_is_found(text: str, place: str) -> None:
    assert list(wrong(text)) == [place]
