"""The form before a start, and the queue on the home screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import app_over, press, screen_text, settle, show, until
from tests.ui.screens.test_home import RUNS
from tests.ui.screens.test_home_tabs import SIZES, Store, chosen, row_of
from tui_trainer.queueing.editing import add
from tui_trainer.queueing.entries import Entry
from tui_trainer.queueing.queue_file import QueueFile
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.screens.home import Home


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read runs and queue again as soon as the last read is over."""
    monkeypatch.setattr(Home, "RELOAD_INTERVAL", 0.0)


async def listed(pilot: Pilot[None], app: TrainerApp) -> None:
    await until(pilot, lambda: "Start with these three" in screen_text(app))


@SIZES
async def test_a_changed_field_and_typed_settings_start_the_preset(size: tuple[int, int], tmp_path: Path) -> None:
    store = Store(tmp_path / "runs", RUNS[1:])
    app = app_over(catalogue=store)

    async with show(app, size) as pilot:
        await listed(pilot, app)
        await press(pilot, "e")
        assert "Train digits-mlp" in screen_text(app)
        assert store.opened == []
        await press(pilot, "down", "tab", "right")  # the next optimizer after adam
        assert "optimizer.kind=adamw" in screen_text(app)
        await press(pilot, "tab", "ctrl+u", *"0.01")
        await press(pilot, "shift+tab", "shift+tab", "shift+tab", *"training.seed=3", "enter")
        await until(pilot, lambda: app.dashboard is not None)
    assert store.opened == [("start", "digits-mlp")]
    assert store.changes == [("optimizer.kind=adamw", "optimizer.lr=0.01", "training.seed=3")]


@SIZES
async def test_a_wrong_setting_is_refused_as_on_the_command_line(size: tuple[int, int], tmp_path: Path) -> None:
    store = Store(tmp_path / "runs", RUNS[1:])
    app = app_over(catalogue=store)

    async with show(app, size) as pilot:
        await listed(pilot, app)
        await press(pilot, "e", "shift+tab", *"optimizer.lrr=1", "enter")
        text = " ".join(screen_text(app).replace("│", " ").split())
        assert "did you mean 'lr'" in text or "unknown key 'lrr'" in text
        await press(
            pilot, "ctrl+u", *"scheduler.kind=constant", "tab", "down", "tab", "tab", "ctrl+u", "-", "1", "enter"
        )
        assert "greater than 0" in screen_text(app)
        assert store.opened == []
        await press(pilot, "escape")
        assert "Train digits-mlp" not in screen_text(app)


async def test_the_coming_rate_is_drawn_over_the_present_one(tmp_path: Path) -> None:
    app = app_over(catalogue=Store(tmp_path / "runs", RUNS[1:]))

    async with show(app, (140, 40)) as pilot:
        await listed(pilot, app)
        await press(pilot, "down", "e")
        await until(pilot, lambda: "learning rate · warmup-stable-decay" in screen_text(app))
        await press(pilot, "down", "down", "shift+tab", *"scheduler.kind=cosine")
        await until(pilot, lambda: "cosine ends at 0" in screen_text(app))


async def test_a_finished_run_is_trained_again_with_changes(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "old"
    folder.mkdir(parents=True)
    (folder / "run.toml").write_text("[optimizer]\nkind = 'sgd'\nlr = 0.5\n")
    run = RunInfo("old", str(folder), "finished", "completed", "wine")
    store = Store(tmp_path / "runs", [run])
    app = app_over(catalogue=store)

    async with show(app) as pilot:
        await listed(pilot, app)
        await press(pilot, "2", "e")
        assert "Train old again" in screen_text(app)
        await press(pilot, "down", "tab", "tab", "ctrl+u", *"0.25", "enter")
        await until(pilot, lambda: store.opened)
    assert (store.opened, store.changes) == ([("again", "old")], [("optimizer.lr=0.25",)])


@SIZES
async def test_a_training_is_added_to_the_queue(
    size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr("tui_trainer.queueing.runner.start", started.append)
    file = QueueFile(tmp_path / "runs")
    app = app_over(catalogue=Store(tmp_path / "runs", RUNS[1:]))

    async with show(app, size) as pilot:
        await listed(pilot, app)
        await press(pilot, "e", "shift+tab", *"training.epochs=2", "shift+tab", "right")
        assert "add to the queue" in screen_text(app)
        await press(pilot, "enter")
        await until(pilot, lambda: "no runner works" in " ".join(screen_text(app).replace("│", " ").split()))
        (entry,) = file.read().entries
        assert (entry.preset, entry.changes, entry.state) == ("digits-mlp", ("training.epochs=2",), "waiting")
        assert started == []
        await press(pilot, "s")
        await until(pilot, lambda: started)
        await until(pilot, lambda: "queue: 1 waiting, not started" in screen_text(app))
    assert started == [tmp_path / "runs"]


def queued(directory: Path) -> QueueFile:
    """Make a queue with an entry that trains, one that failed and one that waits, and a runner."""
    directory.mkdir()
    file = QueueFile(directory)
    for preset in ("digits-cnn", "wine", "spirals"):
        add(file, preset, ["training.epochs=1"] if preset == "spirals" else [])
    training, failed, waiting = file.read().entries
    put(file, training, state="training", name="night")
    put(file, failed, state="failed", reason="no space left", name="full")
    assert waiting.state == "waiting"
    assert file.runner.acquire()
    return file


def put(file: QueueFile, entry: Entry, **changes: object) -> None:
    file.put(Entry(**{name: getattr(entry, name) for name in Entry.__slots__} | changes))  # type: ignore[arg-type]


@SIZES
async def test_the_queue_is_one_line_and_its_rows_are_among_the_runs(size: tuple[int, int], tmp_path: Path) -> None:
    night = RunInfo("night", str(tmp_path / "runs" / "night"), "running", preset="digits-cnn")
    file = queued(tmp_path / "runs")
    store = Store(tmp_path / "runs", [night])
    app = app_over(catalogue=store)
    try:
        async with show(app, size) as pilot:
            await listed(pilot, app)
            line = "queue: 1 waiting, q1 trains digits-cnn, 1 failed"
            await until(pilot, lambda: line[: size[0] - 2] in screen_text(app))
            assert "q3 spirals" not in screen_text(app)
            await pilot.click(offset=(5, 1))
            await settle(pilot)
            assert "Queue" in screen_text(app)
            await press(pilot, "G")
            assert chosen(app) == "queue:3"
            assert "q3 spirals training.epochs=1" in screen_text(app)
            await press(pilot, "x")
            assert "remove it" in screen_text(app)
            await press(pilot, "enter")  # the first answer keeps it
            assert len(file.read().entries) == 3
            await press(pilot, "enter")
            await until(pilot, lambda: "let it wait" in screen_text(app))
            assert "start the queue" not in screen_text(app)  # a runner works on it
            await press(pilot, "r")
            await until(pilot, lambda: len(file.read().entries) == 2)
            await until(pilot, lambda: "queue: q1 trains" in screen_text(app))
            await press(pilot, "g", "down")
            assert chosen(app) == "queue:1"
            await press(pilot, "x")
            assert "q1 is being trained" in screen_text(app)
            await press(pilot, "enter")
            await until(pilot, lambda: app.dashboard is not None)
    finally:
        file.runner.release()
    assert store.opened == [("join", "night")]


async def test_a_second_click_on_an_entry_asks_and_a_click_alone_selects(tmp_path: Path) -> None:
    file = queued(tmp_path / "runs")
    file.runner.release()
    app = app_over(catalogue=Store(tmp_path / "runs"))

    async with show(app) as pilot:
        await listed(pilot, app)
        await until(pilot, lambda: "q1 was cut off: digits-cnn" in screen_text(app))
        await press(pilot, "2")
        row = row_of(app, "q3 spirals")
        await pilot.click(offset=(10, row))
        await settle(pilot)
        assert chosen(app) == "queue:3"
        assert len(app.screen_stack) == 1
        await pilot.click(offset=(10, row))
        await until(pilot, lambda: "start the queue" in screen_text(app))
        await press(pilot, "escape")
    assert len(file.read().entries) == 3


async def test_a_damaged_queue_is_named_and_does_not_hide_the_presets(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "queue.json").write_text("[")
    app = app_over(catalogue=Store(tmp_path / "runs"))

    async with show(app, (140, 40)) as pilot:
        await listed(pilot, app)
        assert "queue.json: not a queue" in screen_text(app)
        os.unlink(tmp_path / "runs" / "queue.json")
        await until(pilot, lambda: "not a queue" not in screen_text(app))
