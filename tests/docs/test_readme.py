"""README.md and the pages around it agree with the code."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from scripts import generate_docs, record_demo
from tests.docs.pages import DOCS, ROOT, blocks, code, page, rows
from tui_trainer.cli.main import cli
from tui_trainer.config.preset import build, preset_names
from tui_trainer.config.toml import parse_toml
from tui_trainer.ui.actions import ACTIONS, BY_ID, key_table
from tui_trainer.ui.settings import checked
from tui_trainer.ui.terminal.key_names import key_sign

README = (ROOT / "README.md").read_text(encoding="utf-8")
FRONT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in FRONT), *sorted(DOCS.glob("*.md"))]
TEN = (
    "pause", "steer", "schedule", "undo", "stop_early", "checkpoint", "diagnosis", "previous_mark", "palette", "help",
)  # fmt: skip


def names(text: str) -> set[str]:
    """Return the commands of the program that a page names."""
    return set(re.findall(r"(?:^|`)tui-trainer ([a-z][a-z-]*)", text, re.MULTILINE))


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short_and_starts_with_what_it_is() -> None:
    lines = README.splitlines()
    assert len(lines) <= 110
    assert lines[2].startswith("A terminal UI for training PyTorch models: live charts, and keys to change")


def test_the_readme_has_ten_keys_that_exist() -> None:
    written = [code(row[0]) for row in rows(README, "key")]
    assert written == [key_sign(BY_ID[action].keys[0]) for action in TEN]


def test_the_key_table_is_up_to_date() -> None:
    assert key_table().strip() in page("keys.md"), "stale: run `python scripts/generate_docs.py --text`"
    for action in ACTIONS:
        assert f"`{action.id}`" in page("keys.md")


def test_the_preset_list_is_up_to_date() -> None:
    assert generate_docs.preset_list().strip() in page("presets.md"), (
        "stale: run `python scripts/generate_docs.py --text`"
    )
    for name in preset_names():
        assert f"| `{name}` |" in page("presets.md")


def test_the_lecture_has_its_introduction() -> None:
    text = page("lecture.md")
    assert generate_docs.lecture(text, page("lecture-intro.md")) == text


@pytest.mark.parametrize("block", blocks(page("presets.md"), "toml")[:2])
def test_the_examples_of_presets_are_valid(block: str) -> None:
    assert build(parse_toml(block, "presets.md"), name="page", source="presets.md").runs


def test_the_example_of_settings_is_valid() -> None:
    settings = checked(parse_toml(blocks(page("keys.md"), "toml")[0], "keys.md"), "keys.md")
    assert settings.keys == {"pause": "f5", "double_rate": "plus,f6"}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_command_on_a_page_exists(path: Path) -> None:
    known = {*cli.list_commands(click.Context(cli)), "bridge"}
    added = {"where"} if path.name == "extending.md" else set[str]()
    assert names(path.read_text(encoding="utf-8")) <= known | added


def test_the_readme_names_the_commands_that_a_user_needs() -> None:
    needed = {"run", "attach", "send", "open", "resume", "replay", "runs", "presets", "doctor", "diagnose", "lecture"}
    assert needed <= names(README)


def test_every_command_and_option_is_on_a_page_for_users() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES if path.name != "architecture.md")
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert re.search(rf"tui-trainer {name}\b", text), name
        options = [option for each in command.params if isinstance(each, click.Option) for option in each.opts]
        missing = [option for option in options if option.startswith("--") and not re.search(rf"{option}\b", text)]
        assert missing == [], f"{name}: on no page but architecture.md"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (DOCS / "README.md").read_text(encoding="utf-8")))
    assert linked == {path.name for path in DOCS.glob("*.md")} - {"README.md", "lecture-intro.md"}


def test_the_pictures_are_there_and_the_moving_one_moves() -> None:
    assert (DOCS / "screen.svg").read_text(encoding="utf-8").startswith("<svg")
    demo = (DOCS / "demo.svg").read_text(encoding="utf-8")
    assert len(demo) < 1_500_000
    assert "<script" not in demo
    assert "url(" not in demo
    frames = re.findall(r'<g class="f" id="f(\d+)">', demo)
    assert len(frames) >= 15
    assert all(f"@keyframes k{number}{{" in demo for number in frames)


def test_the_recorder_shows_each_frame_once_and_stores_equal_rows_once() -> None:
    def screen(*lines: str) -> str:
        texts = "".join(
            f'<text class="t-r1" x="0" y="{20 + 24.4 * row:.1f}" textLength="24.4">{line}</text>'
            for row, line in enumerate(lines)
        )
        return f'<svg xmlns="http://www.w3.org/2000/svg"><style>.t-r1 {{ fill: #ffffff }}</style>{texts}</svg>'

    frames = [record_demo.Frame(screen("same", word), 1.0, word) for word in ("one", "two")]
    demo = record_demo.assemble(frames)
    assert demo.count(">same<") == 1
    assert demo.count(">one<") == 2  # the row and the caption
    assert "@keyframes k0{0.000%{visibility:visible}50.000%{visibility:hidden}}" in demo
    assert "@keyframes k1{0%{visibility:hidden}50.000%{visibility:visible}}" in demo
