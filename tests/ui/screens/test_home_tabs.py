"""The tabs of the home screen: what each lists, how one moves between them, and what is remembered."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ui.fake_session import app_over, press, running, screen_text, settle, show, until
from tests.ui.lecture.test_lecture import LESSONS
from tests.ui.screens.test_home import RUNS, Shelf, show_home
from tui_trainer.lecture.progress import ProgressFile, progress_path
from tui_trainer.runs.run_info import RunInfo
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import LessonInfo, PresetInfo, list_presets
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.screens.home import Home

SIZES = pytest.mark.parametrize(
    "size",
    [
        pytest.param((80, 24), id="80x24"),
        pytest.param((140, 40), id="140x40"),
        pytest.param((40, 12), id="40x12", marks=pytest.mark.long),
    ],
)


class Store(Shelf):
    """A catalog of a runs directory, with lessons and the presets of the program."""

    def __init__(self, folder: Path, runs: Sequence[RunInfo] = ()) -> None:
        super().__init__()
        self.folder = folder
        self.listed = list(runs)
        self.changes: list[tuple[str, ...]] = []

    def directory(self) -> Path:
        return self.folder

    def presets(self) -> list[PresetInfo]:
        return list_presets()

    def runs(self) -> list[RunInfo]:
        return self.listed

    def lessons(self) -> list[LessonInfo]:
        return LESSONS

    def start(self, preset: str, changes: Sequence[str] = ()) -> Session:
        self.changes.append(tuple(changes))
        self.session = running()
        return self._open("start", preset)

    def start_lesson(self, preset: str) -> Session:
        return self.start(preset)

    def again(self, run: RunInfo, changes: Sequence[str]) -> Session:
        self.changes.append(tuple(changes))
        return self._open("again", run.name)


def chosen(app: TrainerApp) -> str:
    """Return the id of the highlighted line."""
    option = app.screen.query_one(LongList).highlighted_option
    return option.id or "" if option is not None else ""


def row_of(app: TrainerApp, text: str) -> int:
    """Return the first row with a text."""
    return next(y for y, line in enumerate(screen_text(app).splitlines()) if text in line)


@SIZES
async def test_tab_digits_and_clicks_move_between_the_tabs(size: tuple[int, int], tmp_path: Path) -> None:
    store = Store(tmp_path, RUNS)
    app = app_over(catalogue=store)

    async with show(app, size) as pilot:
        await until(pilot, lambda: "Continue" in screen_text(app))
        await press(pilot, "tab")
        assert "Running" in screen_text(app)
        assert "Start with" not in screen_text(app)
        await press(pilot, "3")
        await until(pilot, lambda: "Design choices" in screen_text(app))
        assert "S02" in screen_text(app)
        await press(pilot, "tab")
        assert "Continue" in screen_text(app)
        await press(pilot, "shift+tab")
        assert "Design choices" in screen_text(app)
        await pilot.click(offset=(screen_text(app).splitlines()[0].index("Runs"), 0))
        await settle(pilot)
        assert "Running" in screen_text(app)
        assert store.opened == []
        assert store.session.sent == []


async def test_each_tab_keeps_what_was_highlighted(tmp_path: Path) -> None:
    app = app_over(catalogue=Store(tmp_path, RUNS))

    async with show(app) as pilot:
        await until(pilot, lambda: "Continue" in screen_text(app))
        await press(pilot, "down", "2", "down")
        assert chosen(app) == "run:/r/old"
        await press(pilot, "1")
        assert chosen(app) == "preset:digits-mlp"
        await press(pilot, "2")
        assert chosen(app) == "run:/r/old"


@SIZES
async def test_three_presets_to_begin_with_come_first(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_over(catalogue=Store(tmp_path, RUNS[1:]))

    async with show(app, size) as pilot:
        await until(pilot, lambda: "Start with these three" in screen_text(app))
        text = screen_text(app)
        titles = ("Digits, a small MLP", "Two spirals", "Optimizer race", "first steps")
        places = [text.index(title) for title in titles]
        assert places == sorted(places)
        assert chosen(app) == "preset:digits-mlp"


async def test_a_preset_has_its_usual_time_and_last_result(tmp_path: Path) -> None:
    spirals = RunInfo("s", "/r/s", "finished", "completed", "spirals", 9, 90, {"val_accuracy": 0.991}, seconds=14.6)
    app = app_over(catalogue=Store(tmp_path, [spirals]))

    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "Start with these three" in screen_text(app))
        line = screen_text(app).splitlines()[row_of(app, "★ spirals")]
        assert line.split() == ["★", "spirals", "15", "s", "99.1", "%", "Two", "spirals"]
        assert "New here?" not in screen_text(app)


@SIZES
async def test_titles_can_be_read_in_full(size: tuple[int, int], tmp_path: Path) -> None:
    title = "The gradient norm does not tell when to stop"
    app = app_over(catalogue=Store(tmp_path, RUNS[1:]))

    async with show(app, size) as pilot:
        await until(pilot, lambda: "Start with these three" in screen_text(app))
        await press(pilot, "slash", *"grad-norm-stop")
        await settle(pilot)
        assert title in " ".join(screen_text(app).split())
        assert all(len(line) <= size[0] for line in screen_text(app).splitlines())


async def test_a_first_start_names_three_keys_and_how_to_leave(tmp_path: Path) -> None:
    store = Store(tmp_path)
    app = app_over(catalogue=store)

    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "New here?" in screen_text(app))
        for words in ("enter  trains", "space  pauses", "?      shows all keys", "q      leaves"):
            assert words in screen_text(app)
        assert chosen(app) == "preset:digits-mlp"
        store.listed = [replace(RUNS[1])]
        await press(pilot, "f5")
        await until(pilot, lambda: "New here?" not in screen_text(app))


async def test_the_preview_says_what_a_preset_is_made_of(tmp_path: Path) -> None:
    app = app_over(catalogue=Store(tmp_path))

    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: "Start with these three" in screen_text(app))
        await press(pilot, "down")
        await until(pilot, lambda: "warmup-stable-decay, 120" in screen_text(app))
        text = screen_text(app)
        for words in (
            "watch the",
            "mlp activation=tanh",
            "spirals batch_size=32",
            "command    tui-trainer run spirals",
            "█▅▁",
        ):
            assert words in text
        await press(pilot, "down")  # of a set only what its runs have in common
        await until(pilot, lambda: "6 runs side by side" in screen_text(app))
        await until(pilot, lambda: "mlp hidden=[64]" in screen_text(app))
        assert "optimizer  sgd" not in screen_text(app)


async def test_tab_and_last_choice_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    app = app_over(catalogue=Store(tmp_path / "runs"), memory=ScreenMemory(path))

    async with show(app) as pilot:
        await until(pilot, lambda: "Start with these three" in screen_text(app))
        await press(pilot, "down", "enter")
        await until(pilot, lambda: app.dashboard is not None)
        app.preferences.memory.close()

    app = app_over(catalogue=Store(tmp_path / "runs"), memory=ScreenMemory(path))
    async with show(app) as pilot:
        await until(pilot, lambda: chosen(app) == "preset:spirals")
        await press(pilot, "3")
        app.preferences.memory.close()

    app = app_over(catalogue=Store(tmp_path / "runs"), memory=ScreenMemory(path))
    async with show(app) as pilot:
        await until(pilot, lambda: "Design choices" in screen_text(app))


async def test_a_search_in_the_runs_finds_runs_alone() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        await press(pilot, "2", "slash", *"digits-mlp")
        assert "old-run" in screen_text(app)
        assert "a small MLP" not in screen_text(app)


async def test_a_lesson_of_the_lecture_tab_leads_to_the_next_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    app = app_over(catalogue=store)

    async with show(app, (120, 32)) as pilot:
        await until(pilot, lambda: "Start with these three" in screen_text(app))
        await press(pilot, "3")
        await until(pilot, lambda: "S18-20" in screen_text(app))
        await press(pilot, "down", "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await until(pilot, lambda: "1 loss" in screen_text(app))
        await press(pilot, "greater_than_sign", "l")
        await until(pilot, lambda: len(store.opened) == 2)
        assert store.opened == [("start", "gd-vs-sgd"), ("start", "lr-low")]


async def test_lessons_of_the_lecture_tab_are_ticked_once_they_were_followed(tmp_path: Path) -> None:
    ProgressFile(progress_path()).add("lr-low", seen=True, predicted=2)
    app = app_over(catalogue=Store(tmp_path))

    async with show(app, (120, 32)) as pilot:
        await press(pilot, "3")
        await until(pilot, lambda: "S18-20" in screen_text(app))
        assert re.search(r"✓✓ +S38 ", screen_text(app))
        assert not re.search(r"✓ +S18-20", screen_text(app))
        await press(pilot, "down", "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await until(pilot, lambda: "1 loss" in screen_text(app))
        assert isinstance(app.finder, Home)
        assert app.finder.tour is not None
        app.finder.tour.progress.add("gd-vs-sgd", seen=True)
        await press(pilot, "q", "d")
        await until(pilot, lambda: re.search(r"✓ +S18-20", screen_text(app)) is not None)
