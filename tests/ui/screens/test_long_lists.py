"""The home screen with thousands of runs: it makes and draws what is on the screen alone."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from tests.runs.many_runs import age, make_run, make_runs
from tests.ui.fake_session import app_over, press, screen_text, show, until
from tests.ui.screens.test_home import RUNS, Shelf, show_home
from tui_trainer.runs import run_info
from tui_trainer.session.connect import RunDirectory
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.screens.home import Home

HEIGHT = 30


@pytest.fixture(scope="module")
def thousands(tmp_path_factory) -> Path:
    """Return a directory of 2,000 runs."""
    directory = tmp_path_factory.mktemp("many") / "runs"
    make_runs(directory, 2000)
    return directory


@pytest.fixture
def now(monkeypatch) -> None:
    """Read the runs again as soon as the last read is over."""
    monkeypatch.setattr(Home, "RELOAD_INTERVAL", 0.0)


def long_list(app: TrainerApp) -> LongList:
    return app.screen.query_one(LongList)


@pytest.mark.parametrize("key", [(), ("2",)], ids=["start", "runs"])
async def test_a_letter_among_thousands_makes_the_lines_on_the_screen_alone(thousands: Path, key) -> None:
    app = app_over(catalogue=RunDirectory(str(thousands)))

    async with show(app, (100, HEIGHT)) as pilot:
        await until(pilot, lambda: "first steps" in screen_text(app))
        listed = long_list(app)
        assert listed.option_count < 100
        assert listed.made <= HEIGHT
        await press(pilot, *key)
        assert (listed.option_count > 2000) == (key == ("2",))
        assert listed.made <= 3 * HEIGHT
        await press(pilot, "slash")
        for letters in ("r", "r1", "r19", "r199", "r1999"):
            made = listed.made
            await press(pilot, letters[-1])
            assert listed.made - made <= 2 * HEIGHT  # the second time with curves
        assert "r1999 · " in screen_text(app)
        assert "r1998 · " not in screen_text(app)
        assert listed.option_count < 2000
        made = listed.made
        await press(pilot, "escape", "pagedown", "pagedown", "up", "down")
        assert listed.made - made <= 5 * HEIGHT


async def test_nothing_is_drawn_or_opened_while_nothing_changes(thousands, now, monkeypatch) -> None:
    catalogue = RunDirectory(str(thousands))
    app = app_over(catalogue=catalogue)

    async with show(app, (100, HEIGHT)) as pilot:
        await until(pilot, lambda: "first steps" in screen_text(app))
        home = app.screen
        assert isinstance(home, Home)
        reads: list[object] = []
        read = catalogue.runs
        monkeypatch.setattr(catalogue, "runs", lambda: reads.append(None) or read())
        drawn: list[object] = []
        monkeypatch.setattr(home, "list_items", lambda: drawn.append("list"))
        monkeypatch.setattr(long_list(app), "render_line", lambda y: drawn.append(y))
        monkeypatch.setattr(run_info, "newest_lines", lambda path: drawn.append(path))
        await until(pilot, lambda: len(reads) > 5)
        assert drawn == []


async def test_new_runs_appear_and_deleted_ones_vanish(tmp_path: Path, now) -> None:
    make_runs(tmp_path / "runs", 20)
    app = app_over(catalogue=RunDirectory(str(tmp_path / "runs")))

    async with show(app, (100, HEIGHT)) as pilot:
        await until(pilot, lambda: "first steps" in screen_text(app))
        await press(pilot, "slash", *"wine")
        await until(pilot, lambda: "r0019 · " in screen_text(app))
        make_run(tmp_path / "runs" / "2026-11-23_140310_wine_beef", started="2026-11-24T00:00:00Z")
        await until(pilot, lambda: "wine beef · " in screen_text(app))
        shutil.rmtree(tmp_path / "runs" / "r0019")
        await until(pilot, lambda: "r0019" not in screen_text(app))


async def test_a_live_run_is_updated_where_it_stands(now) -> None:
    shelf = Shelf()
    runs = [RUNS[0], *(dataclasses.replace(RUNS[1], name=f"old-{n}", path=f"/r/{n}") for n in range(500))]
    shelf.runs = lambda: list(runs)
    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        listed = long_list(app)
        await press(pilot, "2", *["down"] * 40)
        await until(pilot, lambda: listed.scroll_y > 0)
        position, chosen = listed.scroll_y, listed.highlighted
        option = listed.get_option("run:/r/3")
        runs[0] = dataclasses.replace(RUNS[0], epoch=13)
        await until(pilot, lambda: app.screen._groups[0][1][0].epoch == 13)
        assert (listed.scroll_y, listed.highlighted) == (position, chosen)
        assert listed.get_option("run:/r/3") is option
        assert listed.get_option_index("run:/r/live") == 1
        await press(pilot, *["up"] * 40)
        await until(pilot, lambda: "epoch 13" in screen_text(app))


async def test_the_lines_fit_a_terminal_that_changes_its_size(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / ("long-name-" * 5 + "end"))
    age(tmp_path)
    app = app_over(catalogue=RunDirectory(str(tmp_path / "runs")))

    async with show(app, (200, HEIGHT)) as pilot:
        await until(pilot, lambda: "first steps" in screen_text(app))
        await press(pilot, "slash", *"long")
        await until(pilot, lambda: "end · " in screen_text(app))
        await pilot.resize_terminal(50, HEIGHT)
        await until(pilot, lambda: "…" in screen_text(app))
        await pilot.resize_terminal(200, HEIGHT)
        await until(pilot, lambda: "end · " in screen_text(app))
