"""A value that is typed means what its field means."""

from __future__ import annotations

import pytest

from tui_trainer.config.preset import load
from tui_trainer.errors import UserError
from tui_trainer.protocol.command_parser import parse_command
from tui_trainer.protocol.commands import Note, RollBack, SaveCheckpoint

TEXTS = ("2026", "2026-11-28", "", "true", "1e5", "[draft] one", "{x}", "5 # five", "'tis", "nan", "07", "5\nx = 3")


@pytest.mark.parametrize("text", TEXTS)
def test_a_field_of_text_takes_any_text(text: str) -> None:
    assert load("digits-mlp", [f"title={text}"]).first.title == text
    assert load("digits-mlp", [f"title={text}", "training.epochs=7"]).first.training.epochs == 7
    if text:
        note = parse_command("note", [f"text={text}"])
        assert isinstance(note, Note)
        assert note.text == text


def test_quotes_of_toml_are_not_part_of_a_text() -> None:
    assert load("digits-mlp", ['title="2026"']).first.title == "2026"


def test_a_checkpoint_may_have_a_number_as_its_name() -> None:
    save, back = parse_command("save", ["name=2"]), parse_command("roll-back", ["to=2"])
    assert isinstance(save, SaveCheckpoint)
    assert isinstance(back, RollBack)
    assert (save.name, back.to) == ("2", "2")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.epochs=[1", "not valid TOML"),
        ("training.epochs=", "must be a whole number"),
        ("training.epochs=5\nx = 3", "must be a whole number"),
        ("training.epochs=2026-11-28", "must be a whole number"),
        ("titel=2026", "did you mean 'title'"),
    ],
)
def test_other_fields_still_refuse_text(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load("digits-mlp", [override])


def test_a_text_in_a_table_of_a_kind() -> None:
    config = load("digits-mlp", ["data.kind=csv", "data.path=2026", "data.target=7"]).first
    assert (config.data.path, config.data.target) == ("2026", "7")  # type: ignore[union-attr]
