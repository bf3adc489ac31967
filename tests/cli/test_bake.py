"""`bake`: a preset with actions is trained, baked, and trained again, in processes of their own."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.cli.conftest import TINY
from tui_trainer.runs.history import first_difference, read_history

ACTIONS = """
[[actions]]
step = 7
command = "set-lr factor=0.5"
say = "half the rate"

[[actions]]
epoch = 3
command = "set-optimizer kind=adam lr=0.01"
"""


def journal(shell, name: str) -> Path:
    return shell.directory / "runs" / name / "events.jsonl"


def test_a_preset_plays_itself_and_is_baked(shell):
    (shell.directory / "demo.toml").write_text(TINY + ACTIONS)
    done = shell("run", "demo.toml", "--headless", "--runs-dir", "runs", "--name", "demo")
    assert done.code == 0, done.err
    assert "learning rate 0.05, was 0.1 (the preset); because: half the rate" in done.out
    printed = shell("bake", "demo", "--runs-dir", "runs")
    assert (printed.code, printed.err) == (0, "")
    assert tomllib.loads(printed.out)["actions"] == [
        {"step": 7, "command": "set-lr factor=0.5", "say": "half the rate"},
        {"step": 15, "command": "set-optimizer kind=adam lr=0.01"},
    ]
    written = shell("bake", "demo", "-o", "baked.toml", "--runs-dir", "runs")
    assert written.code == 0
    assert written.err == "baked.toml: 2 actions written; train it with: tui-trainer run baked.toml\n"
    assert (shell.directory / "baked.toml").read_text() == printed.out
    assert shell("run", "baked.toml", "--headless", "--runs-dir", "runs", "--name", "again").code == 0
    one, other = (read_history(journal(shell, name)) for name in ("demo", "again"))
    assert first_difference(one, other) == ""
    assert [step for step, _ in other.interventions] == [7, 15]
    replayed = shell("replay", "again", "--headless", "--runs-dir", "runs")
    assert (replayed.code, replayed.out.splitlines()[-1]) == (0, "identical over 20 steps")


def test_a_file_is_overwritten_only_with_force(shell):
    (shell.directory / "demo.toml").write_text(TINY)
    assert shell("run", "demo.toml", "--headless", "--runs-dir", "runs", "--name", "demo").code == 0
    (shell.directory / "mine.toml").write_text("mine")
    refused = shell("bake", "demo", "-o", "mine.toml", "--runs-dir", "runs")
    assert refused.code == 2
    assert "'mine.toml' exists and was not changed: add --force" in refused.err
    assert (shell.directory / "mine.toml").read_text() == "mine"
    assert shell("bake", "demo", "-o", "mine.toml", "--force", "--runs-dir", "runs").code == 0
    assert (shell.directory / "mine.toml").read_text().startswith("# Run demo, baked: ")


def test_what_cannot_be_baked_is_said_in_one_line(shell):
    assert "no run" in shell("bake", "nothing", "--runs-dir", "runs").err
    (shell.directory / "demo.toml").write_text(TINY + ACTIONS.replace("set-lr factor", "set-lr facto"))
    done = shell("run", "demo.toml", "--headless", "--runs-dir", "runs")
    assert (done.code, done.out) == (2, "")
    assert "demo.toml: actions.0.command: set-lr: facto: unknown key; did you mean 'factor'?" in done.err
    assert not (shell.directory / "runs").exists() or not any((shell.directory / "runs").iterdir())


def test_a_run_is_written_as_a_torch_script(shell):
    (shell.directory / "demo.toml").write_text(TINY.replace("moons", "iris").replace("samples = 120\n", "") + ACTIONS)
    assert shell("run", "demo.toml", "--headless", "--runs-dir", "runs", "--name", "demo").code == 0
    written = shell("bake", "demo", "--as", "torch", "-o", "train.py", "--runs-dir", "runs")
    assert written.err == "train.py: 2 interventions written; train it with: python train.py\n"
    text = (shell.directory / "train.py").read_text()
    assert "tui_trainer" not in text
    assert "if step == 18:\n            # set-optimizer kind=adam lr=0.01\n" in text
    printed = shell("bake", "demo", "--as", "torch", "--runs-dir", "runs")
    assert (printed.code, printed.out) == (0, text)
    assert shell("run", "tiny.toml", "--headless", "--runs-dir", "runs", "--name", "moons").code == 0
    refused = shell("bake", "moons", "--as", "torch", "-o", "no.py", "--runs-dir", "runs")
    assert (refused.code, refused.out) == (2, "")
    assert 'which does not hold: data.kind = "moons" (a script holds digits, ' in refused.err
    assert not (shell.directory / "no.py").exists()
