"""The changes of docs/extending.md, each applied to a copy of the package, work there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, page

PAGE = page("extending.md")


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found is not None, f"no section {title!r}"
    return found[1]


def apply_change(root: Path, change: str) -> None:
    """Apply one block of the page: a new file, or hunks of which each stands exactly once in its file."""
    head, _, body = change.partition("\n")
    path = root / head.removeprefix("+++ ")
    for hunk in body.split("@@\n"):
        lines = hunk.splitlines(keepends=True)
        before = "".join(line[1:] or "\n" for line in lines if line[0] in " -")
        after = "".join(line[1:] or "\n" for line in lines if line[0] in " +")
        if before:
            text = path.read_text(encoding="utf-8")
            assert text.count(before) == 1, f"{head}: found {text.count(before)} times:\n{before}"
            path.write_text(text.replace(before, after), encoding="utf-8")
        else:
            assert not path.exists(), f"{head}: is there already"
            path.write_text(after, encoding="utf-8")


@pytest.fixture
def changed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the package with the changes of a section."""
    for folder in ("tui_trainer", "presets"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    changes = blocks(section(request.param), "diff")
    assert changes
    for change in changes:
        apply_change(tmp_path, change)
    return tmp_path


def run(copy: Path, *arguments: str) -> str:
    """Run Python on the copy; return what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(copy), "TUI_TRAINER_RUNS": str(copy / "runs")}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=copy, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def train(copy: Path, *overrides: str) -> list[dict[str, object]]:
    """Train a small run with the copy; return its events."""
    small = ("training.epochs=1", "training.device=cpu", "training.threads=1", *overrides)
    run(copy, "-m", "tui_trainer", "run", "digits-mlp", *small, "--headless", "--name", "try")
    lines = (copy / "runs" / "try" / "events.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("changed", ["A schedule"], indirect=True)
def test_the_schedule_trains(changed: Path) -> None:
    events = train(changed, "scheduler.kind=inverse-root")
    rates = [rate for event in events if event["type"] == "Scalars" for rate in event["values"].get("lr", [])]
    assert rates[3] == pytest.approx(rates[0] / 2)


@pytest.mark.parametrize("changed", ["A data set"], indirect=True)
def test_the_data_set_trains(changed: Path) -> None:
    events = train(changed, "data.kind=ring")
    (started,) = [event for event in events if event["type"] == "RunStarted"]
    assert "600 points around a ring" in str(started["data"])
    assert events[-1]["type"] == "RunFinished"
    assert events[-1]["reason"] == "completed"


CHART = """
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View

state = RunState(run="run")
state.apply(ev.RunStarted(seq=1, epochs=4, steps_per_epoch=5), ev.StatusChanged(seq=2, status="running"))
for epoch in range(1, 4):
    steps = list(range(5 * epoch - 4, 5 * epoch + 1))
    seconds = [step / 10 for step in steps]
    last = steps[-1]
    values = {"train_loss": [1 / step for step in steps]}
    state.apply(
        ev.Scalars(seq=2 * epoch + 1, step=last, steps=steps, seconds=seconds, values=values),
        ev.EpochEnded(seq=2 * epoch + 2, step=last, epoch=epoch, seconds=last / 10, metrics={"val_loss": 1 / epoch}),
    )
chart = chart_data(ChartKind.VALIDATION, [state], 0, View(), 60, 12)
print(chart.name, chart.message or "drawn", BY_ID["chart_7"].keys[0], f"chart_{ChartKind.VALIDATION.key}")
"""


@pytest.mark.parametrize("changed", ["A chart"], indirect=True)
def test_the_chart_draws(changed: Path) -> None:
    assert run(changed, "-c", CHART).strip() == "validation loss drawn B chart_7"


@pytest.mark.parametrize("changed", ["A command"], indirect=True)
def test_the_command_answers(changed: Path) -> None:
    folder = changed / "runs" / "steered"
    shutil.copytree(ROOT / "tests" / "fixtures" / "runs-0.1" / "steered", folder)
    assert Path(run(changed, "-m", "tui_trainer", "where", "steered").strip()).resolve() == folder.resolve()
    assert "Print the folder of a run." in run(changed, "-m", "tui_trainer", "--help")


KEY = """
import asyncio, json, pathlib, sys
from tui_trainer.config.preset import load
from tui_trainer.host.spec import host_spec
from tui_trainer.session.in_process import InProcessSession
from tui_trainer.ui.app import TrainerApp

preset = load("digits-mlp", ["training.device=cpu", "training.threads=1", "training.steps_per_second=50"])
session = InProcessSession(host_spec(preset, sys.argv[1], "digits-mlp", ["test"]), listen=False)
app = TrainerApp(session, environ={"TERM": "xterm-256color"})

def events(kind):
    journals = pathlib.Path(sys.argv[1]).rglob("events.jsonl")
    lines = [json.loads(line) for path in journals for line in path.read_text().splitlines(True) if line[-1:] == "\\n"]
    return [event for event in lines if event["type"] == kind]

async def main():
    async with app.run_test(size=(100, 30)) as pilot:
        while not events("Scalars"):
            await pilot.pause(0.05)
        await pilot.press("X")
        while not events("SettingChanged"):
            await pilot.pause(0.05)
        await pilot.press("e", "n")
        while not events("RunFinished"):
            await pilot.pause(0.05)

asyncio.run(asyncio.wait_for(main(), 280))
session.join(120)
(changed,) = events("SettingChanged")
print(changed["name"], round(changed["previous"] / changed["value"], 6))
"""


@pytest.mark.parametrize("changed", ["A key"], indirect=True)
def test_the_key_steers(changed: Path) -> None:
    assert run(changed, "-c", KEY, str(changed / "runs")).strip() == "lr 3.0"


def test_every_section_has_its_test() -> None:
    tested = set(re.findall(r'parametrize\("changed", \["([^"]+)"\]', Path(__file__).read_text()))
    assert set(re.findall(r"^## (.+)$", PAGE, re.MULTILINE)) == tested
