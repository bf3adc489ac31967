"""Help of the command line: every command is listed, has an example, and is described in plain words."""

from __future__ import annotations

import importlib
import pkgutil
import re

import click
import pytest
from click.testing import CliRunner

from tui_trainer.cli import commands
from tui_trainer.cli.main import cli

MODULES = sorted(module.name for module in pkgutil.iter_modules(commands.__path__))
ODD_WORDS = re.compile(
    r"\b(anew|asked for|besides?|hands|heard|nobody|somebody|steer\w*|told|wheel|whoever|wish\w*|words)\b"
)


def help_of(*arguments: str) -> str:
    result = CliRunner().invoke(cli, [*arguments, "--help"])
    assert result.exit_code == 0, result.output
    return result.output


def listed() -> list[str]:
    return re.findall(r"^  ([a-z-]+)  ", help_of().split("Commands:")[1], re.MULTILINE)


def test_the_program_is_described_in_one_sentence():
    text = " ".join(help_of().split())
    assert (
        "A terminal UI for training PyTorch models: live charts, and keys to change the learning rate, schedule or "
        "optimizer while it runs."
    ) in text
    assert "Example" in text
    assert not ODD_WORDS.findall(text)


def test_every_command_is_listed_except_bridge():
    assert sorted([*listed(), "bridge"]) == [name.replace("_", "-") for name in MODULES]


@pytest.mark.parametrize("name", MODULES)
def test_a_command_has_plain_help_with_an_example(name):
    name = name.replace("_", "-")
    text = help_of(name)
    example = text.partition("Example")[2]
    assert f"tui-trainer {name}" in example
    assert not ODD_WORDS.findall(text)


@pytest.mark.parametrize("name", MODULES)
def test_every_option_has_a_help_text(name):
    command = importlib.import_module(f"tui_trainer.cli.commands.{name}").command
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []
