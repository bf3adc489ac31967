"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

from tui_trainer.cli.main import _COMMANDS
from tui_trainer.components.schedulers import builtin
from tui_trainer.config.preset import build
from tui_trainer.config.toml import parse_toml
from tui_trainer.ui.actions import key_table
from tui_trainer.ui.settings import checked

README = (Path(__file__).parents[2] / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_key_table_is_the_one_of_today() -> None:
    assert key_table() in README, "stale: run `python scripts/generate_docs.py`"


def test_the_example_of_a_preset_is_one() -> None:
    run = build(parse_toml(blocks("toml")[0], "README"), name="readme", source="README").first
    assert (run.data.kind, run.scheduler.warmup) == ("digits", 0.1)


def test_the_example_of_settings_is_one() -> None:
    settings = checked(parse_toml(blocks("toml")[1], "README"), "README")
    assert settings.keys == {"pause": "f5"}


def test_the_schedule_that_the_readme_adds_works() -> None:
    names = dict(vars(builtin))
    exec(blocks("python")[0], names)  # the README's own text
    clock = builtin.Clock(step=3, epoch=0, total=10, steps_per_epoch=10)
    assert names["InverseRoot"]().rate(0.1, clock) == 0.05


def test_every_command_that_is_named_exists() -> None:
    named = set(re.findall(r"^tui-trainer ([a-z-]+)", README, re.MULTILINE)) | set(
        re.findall(r"`tui-trainer ([a-z-]+)", README)
    )
    assert named <= set(_COMMANDS)
    assert {"run", "attach", "send", "open", "resume", "replay", "runs", "presets", "doctor"} <= named


def test_the_picture_is_there() -> None:
    assert (Path(__file__).parents[2] / "docs" / "screen.svg").read_text().startswith("<svg")
