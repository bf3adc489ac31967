"""docs/guards.md shows rules, presets and commands that are accepted."""

from __future__ import annotations

import shlex
import tomllib

import pytest

from tests.docs.pages import blocks, code, page, rows
from tui_trainer.config.guards.preset_guard import PresetGuard
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.protocol.command_parser import parse_command

PAGE = page("guards.md")
RULES = [line for block in blocks(PAGE, "guard") for line in block.splitlines()]


@pytest.mark.parametrize("line", RULES)
def test_each_rule_is_one_and_is_printed_as_it_stands(line: str) -> None:
    assert str(parse_rule(line)) == line


def test_the_tables_of_the_preset_are_guards() -> None:
    tables = [table for block in blocks(PAGE, "toml") for table in tomllib.loads(block)["guards"]]
    assert len([PresetGuard.model_validate(table) for table in tables]) == 2


def test_each_command_is_accepted() -> None:
    lines = [shlex.split(line) for block in blocks(PAGE, "sh") for line in block.splitlines()]
    sent = [words[3:] for words in lines if words[1] == "send"]
    assert [parse_command(words[0], words[1:]).type for words in sent] == [
        "SetGuard", "ShowGuards", "SetGuard", "RemoveGuard",
    ]  # fmt: skip
    assert parse_rule(lines[0][lines[0].index("--guard") + 1])


def test_each_condition_of_the_table_is_one() -> None:
    shown = [code(cells[0]) for cells in rows(PAGE, "condition")]
    for text in shown:
        condition = text.replace("METRIC", "val_loss" if "epoch" in text else "loss").replace("NUMBER", "2.5")
        condition = condition.replace("finding NAME", "finding NAN")
        assert parse_rule(f"when {condition}: pause")


def test_each_action_and_limit_of_the_tables_is_one() -> None:
    for header in ("action", "limit"):
        for cells in rows(PAGE, header):
            for given in cells[0].split("`, `"):
                text = code(given).replace("KNOB", "clip").replace("VALUE", "1").replace("TEXT", "here")
                before = "" if header == "action" else "pause, "
                assert parse_rule(f"when loss > 1: {before}{text}"), text
