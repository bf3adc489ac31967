"""docs/architecture.md names everything that exists, and nothing that does not."""

from __future__ import annotations

import importlib
import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import click
import pytest

import tui_trainer
from tests.docs.pages import ROOT, blocks, code, page, rows
from tui_trainer.cli.main import cli
from tui_trainer.protocol.commands import AnyCommand
from tui_trainer.protocol.events import AnyEvent
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.terminal.key_names import key_sign

PAGE = page("architecture.md")
PACKAGE = Path(tui_trainer.__file__).parent
STATIONS = sorted(set(re.findall(r"`(tui_trainer[\w.]*:[\w.]+)`", PAGE)))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def commands() -> dict[str, click.Command]:
    context = click.Context(cli)
    names = [*cli.list_commands(context), "bridge"]
    return {name: command for name in names if (command := cli.get_command(context, name)) is not None}


def written_commands() -> dict[str, set[str]]:
    """The commands of the page and the options written with each."""
    found: dict[str, set[str]] = {}
    for entry in re.split(r"^(?=tui-trainer)", blocks(PAGE, "commands")[0], flags=re.MULTILINE):
        name = re.match(r"tui-trainer ([a-z-]+) ", entry)
        if name is not None:
            found[name[1]] = set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", entry))
    return found


def members(union: Any) -> set[str]:
    return {cls.__name__ for cls in get_args(get_args(union)[0])}


def test_every_command_is_written_and_exists() -> None:
    assert set(written_commands()) == set(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_written_and_exists(name: str) -> None:
    options = {option for parameter in commands()[name].params for option in parameter.opts if option[0] == "-"}
    assert written_commands()[name] == options


def test_every_option_in_running_text_exists() -> None:
    options = {"--help"} | {
        option for command in commands().values() for parameter in command.params for option in parameter.opts
    }
    assert set(re.findall(r"`(--[a-z-]+)`", PAGE)) <= options


def test_every_event_type_is_written_and_exists() -> None:
    assert [code(row[0]) for row in rows(PAGE, "event")] == [cls.__name__ for cls in get_args(get_args(AnyEvent)[0])]


def test_every_command_type_is_written_with_its_name_on_the_command_line() -> None:
    written = {code(row[0]): code(row[1]) for row in rows(PAGE, "command |")}
    assert written == {cls.__name__: cls.cli_names()[0] for cls in get_args(get_args(AnyCommand)[0])}


def test_every_key_on_the_page_is_bound_to_the_action_beside_it() -> None:
    written = re.findall(r"`(\S+)`\s+\(`(\w+)`\)", PAGE)
    assert written
    for key, action in written:
        assert key in [key_sign(bound) for bound in BY_ID[action].keys]


def test_every_package_is_written_and_exists() -> None:
    packages = {
        ".".join(("tui_trainer", *path.parent.relative_to(PACKAGE).parts)) for path in PACKAGE.rglob("__init__.py")
    }
    assert {code(row[0]) for row in rows(PAGE, "package")} == packages - {"tui_trainer"}


def test_every_module_on_the_page_exists() -> None:
    for name in sorted(set(re.findall(r"`(tui_trainer(?:\.\w+)+)`", PAGE))):
        assert importlib.util.find_spec(name) is not None, name


@pytest.mark.parametrize("station", STATIONS)
def test_every_station_exists(station: str) -> None:
    module, _, qualname = station.partition(":")
    value: Any = importlib.import_module(module)
    for part in qualname.split("."):
        value = getattr(value, part)


def test_the_flows_have_stations() -> None:
    assert len(STATIONS) >= 20


def test_the_layers_are_the_ones_that_are_checked() -> None:
    contract = PYPROJECT["tool"]["importlinter"]["contracts"][0]
    assert blocks(PAGE, "layers")[0].split("\n")[:-1] == contract["layers"]


def test_the_run_folder_is_the_one_that_a_run_writes() -> None:
    recorded = ROOT / "tests" / "fixtures" / "runs-0.1" / "steered"
    listed = re.search(r"^runs/.*\n((?:  \S.*\n)+)", PAGE, re.MULTILINE)
    assert listed is not None
    names = {line.split()[0].rstrip("/") for line in listed[1].splitlines()}
    assert {path.name for path in recorded.iterdir()} <= names
    assert names - {path.name for path in recorded.iterdir()} <= {"host.log", "kept.json", "ranks", "ended.json"}
