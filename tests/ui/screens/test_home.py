"""The home screen: listing, search, opening and leaving."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.ui.fake_session import FakeSession, app_over, finished, press, running, screen_text, settle, show, until
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import PresetInfo
from tui_trainer.ui.app import TrainerApp

BEST = {"epoch": 11, "metric": "val_loss", "value": 0.22}
PRESETS = [
    PresetInfo("digits-mlp", "Digits, a small MLP", "The first thing to try.", "Start here"),
    PresetInfo("too-high", "A rate thirty times too high", "What divergence looks like.", "Start here"),
    PresetInfo("optimizers", "Six optimizers", "On the same batches.", "Optimizers", ("sgd", "adam")),
]
RUNS = [
    RunInfo(
        "live-run",
        "/r/live",
        "running",
        preset="digits-mlp",
        epoch=12,
        step=1080,
        metrics={"val_loss": 0.23},
        best=BEST,
    ),
    RunInfo("old-run", "/r/old", "finished", "early-stopped", "digits-mlp", 31, 2790, {"val_loss": None}),
]


class Shelf:
    """A catalog of presets and runs."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.session = running()
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def presets(self) -> list[PresetInfo]:
        return PRESETS

    def runs(self) -> list[RunInfo]:
        self.gate.wait(120)
        return RUNS

    def start(self, preset: str) -> Session:
        return self._open("start", preset)

    def join(self, run: RunInfo) -> Session:
        return self._open("join", run.name)

    def _open(self, how: str, name: str) -> Session:
        self.gate.wait(120)
        self.opened.append((how, name))
        if self.error is not None:
            raise self.error
        return self.session


@asynccontextmanager
async def show_home(app: TrainerApp, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Pilot[Any]]:
    """Run the app, and wait until the home screen lists the presets."""
    async with show(app, size) as pilot:
        await until(pilot, lambda: "digits-mlp" in screen_text(app))
        yield pilot


async def test_presets_and_runs_are_listed_by_group() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        text = screen_text(app)
        order = [
            text.index(word)
            for word in ("Continue", "live-run", "Start with this one", "digits-mlp", "Start here", "too-high")
        ]
        assert order == sorted(order)
        assert "val_loss" in text  # of the run that is chosen
        assert "old-run" not in text
        await press(pilot, "2")
        text = screen_text(app)
        order = [text.index(word) for word in ("Running", "live-run", "Finished", "old-run")]
        assert order == sorted(order)
        assert "too-high" not in text


async def test_enter_starts_a_preset() -> None:
    shelf = Shelf()

    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        await press(pilot, "down", "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await until(pilot, lambda: "1 loss" in screen_text(app))
    assert shelf.opened == [("start", "digits-mlp")]


async def test_enter_joins_a_live_run_and_opens_a_finished_one() -> None:
    shelf = Shelf()

    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        await press(pilot, "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await press(pilot, "d")
        await until(pilot, lambda: app.dashboard is None)
        await press(pilot, "slash", *"old", "enter")
        await until(pilot, lambda: app.dashboard is not None)
    assert shelf.opened == [("join", "live-run"), ("join", "old-run")]
    assert shelf.session.closed >= 1


async def test_typing_filters_the_list() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        await press(pilot, "slash", *"thirty")
        assert "too-high" in screen_text(app)
        assert "live-run" not in screen_text(app)
        await press(pilot, "escape")
        assert "live-run" in screen_text(app)
        await press(pilot, "slash", *"zzz")
        assert "nothing matches" in screen_text(app)
        await press(pilot, "enter")
        assert app.dashboard is None


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_a_filter_keeps_the_runs_that_match(size) -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app, size) as pilot:
        await press(pilot, "slash", *"epoch>20 status=finished")
        assert "old-run" in screen_text(app)
        assert "live-run" not in screen_text(app)
        assert "too-high" not in screen_text(app)
        await press(pilot, *" epohc>1")
        assert "no run has the key 'epohc'; did you mean 'epoch'?" in screen_text(app)
        assert "old-run" in screen_text(app)  # the terms before stay
        await press(pilot, "escape")
        assert "live-run" in screen_text(app)
        assert "did you mean" not in screen_text(app)


async def test_a_failed_start_shows_the_error() -> None:
    shelf = Shelf()
    shelf.error = UserError("no such device: cuda")

    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        await press(pilot, "enter")
        await until(pilot, lambda: "! no such device: cuda" in screen_text(app))
        shelf.error = RuntimeError("broken")
        await press(pilot, "enter")
        await until(pilot, lambda: "could not be opened: RuntimeError: broken" in screen_text(app))
        assert app.dashboard is None


async def test_a_slow_disk_does_not_block_the_screen() -> None:
    shelf = Shelf()
    shelf.gate.clear()

    app = app_over(catalogue=shelf)

    async with show(app) as pilot:
        assert "reading" in screen_text(app)
        await press(pilot, "slash", *"dig")
        assert "dig" in screen_text(app)
        shelf.gate.set()
        await until(pilot, lambda: "digits-mlp" in screen_text(app))


async def test_enter_twice_opens_once() -> None:
    shelf = Shelf()

    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        shelf.gate.clear()
        await press(pilot, "enter", "enter")
        await until(pilot, lambda: "opening live-run" in screen_text(app))
        shelf.gate.set()
        await until(pilot, lambda: app.dashboard is not None)
    assert shelf.opened == [("join", "live-run")]


async def test_the_highlight_stays_when_the_list_is_read_again() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        await press(pilot, "down", "down")
        chosen = app.screen.query_one(OptionList).highlighted_option.id
        await press(pilot, "f5")
        await until(pilot, lambda: "too-high" in screen_text(app))
        assert app.screen.query_one(OptionList).highlighted_option.id == chosen


async def test_escape_leaves() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        await press(pilot, "escape")

    assert app.return_value is not None
    assert app.return_value.exit_code == 0


async def test_q_leaves_from_the_list_and_is_a_letter_in_the_search_entry() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        await press(pilot, "slash", "s", "q")
        await settle(pilot)
        assert "sq" in screen_text(app)
        assert app.return_value is None
        await press(pilot, "escape")
        await settle(pilot)
        await press(pilot, "q")

    assert app.return_value is not None
    assert app.return_value.exit_code == 0


async def test_leaving_a_stopped_run_returns_home() -> None:
    shelf = Shelf()

    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        await press(pilot, "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await press(pilot, "q", "s")
        shelf.session.last(cmd.Stop)
        shelf.session.play(finished("stopped"))
        await until(pilot, lambda: app.dashboard is None)
        await settle(pilot)
        assert "Start here" in screen_text(app)


async def test_the_list_in_a_small_terminal() -> None:
    app = app_over(catalogue=Shelf())

    async with show(app, (40, 12)) as pilot:
        await until(pilot, lambda: "Digits, a small MLP" in screen_text(app))


async def test_leaving_a_session_returns_to_the_catalog() -> None:
    app = app_over(FakeSession(), catalogue=Shelf())

    async with show(app) as pilot:
        assert app.dashboard is not None
        await press(pilot, "d")
        await until(pilot, lambda: "Start here" in screen_text(app))
