"""Keeping runs from the home screen, the run table and the dashboard."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.runs.many_runs import age, make_run
from tests.ui.fake_session import app_over, press, screen_text, show, until
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs.bake import bake
from tui_trainer.runs.keeping.kept import change_kept, read_kept
from tui_trainer.runs.run_dir import Owner, RunDir
from tui_trainer.session.connect import RunDirectory
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.multi import MultiSession
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.forms.list_keys import Picker
from tui_trainer.ui.forms.long_list import LongList
from tui_trainer.ui.keeping import kept_runs
from tui_trainer.ui.screens.home import Home
from tui_trainer.ui.screens.run_table import RunTable

SIZES = [(80, 24), (140, 40)]
OLD, NEW = "2026-11-28_190000_wine_d0be", "2026-11-28_191611_wine_af0c"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch) -> Path:
    """Return a directory with two runs that have not changed for long; home reads it again at once."""
    for name, hour in ((OLD, 19), (NEW, 20)):
        folder = make_run(tmp_path / "runs" / name, started=f"2026-11-28T{hour}:00:00.000Z")
        (folder / "checkpoints").mkdir()
        for checkpoint in ("last", "best"):
            (folder / "checkpoints" / f"{checkpoint}.safetensors").write_bytes(b"x" * 1000)
    age(tmp_path)
    monkeypatch.setattr(Home, "RELOAD_INTERVAL", 0.0)
    return tmp_path / "runs"


@asynccontextmanager
async def home(runs: Path, size: tuple[int, int]) -> AsyncIterator[tuple[TrainerApp, Pilot[Any]]]:
    """Show home with the list of the runs of the preset wine, the newest of them selected."""
    app = app_over(catalogue=RunDirectory(str(runs)))
    async with show(app, size) as pilot:
        await until(pilot, lambda: "first steps" in screen_text(app))
        await press(pilot, "slash", *"name=2026*", "tab")
        await until(pilot, lambda: "wine af0c · " in screen_text(app))
        yield app, pilot


async def typed(pilot: Pilot[Any], text: str) -> None:
    """Type into the entry of a dialog in place of its text."""
    await press(pilot, "home", "ctrl+k", *text, "enter")


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_renamed_tagged_and_noted_on_home(runs, size) -> None:
    async with home(runs, size) as (app, pilot):
        await press(pilot, "K")
        await until(pilot, lambda: "Keep only the best" in screen_text(app))
        await press(pilot, "r")
        await typed(pilot, "no good")
        assert "! name of a run 'no good': use 1 to 64" in screen_text(app)
        await typed(pilot, "wide")
        await until(pilot, lambda: "wide · " in screen_text(app) and isinstance(app.screen, Home))
        await press(pilot, "K", "t")
        await typed(pilot, "good hires")
        await until(pilot, lambda: isinstance(app.screen, Home) and "good hires" in screen_text(app))
        await press(pilot, "K", "n")
        await typed(pilot, "the first")
        await until(pilot, lambda: read_kept(runs / NEW).note == "the first")
        await until(pilot, lambda: isinstance(app.screen, Home))
        await press(pilot, "slash", "home", "ctrl+k", *"tag=good")
        await until(pilot, lambda: "wine d0be" not in screen_text(app))
        assert "wide · " in screen_text(app)
    assert json.loads((runs / NEW / "kept.json").read_text()) == {
        "name": "wide",
        "tags": ["good", "hires"],
        "note": "the first",
    }


@pytest.mark.parametrize("size", SIZES)
async def test_a_run_is_hidden_and_found_again(runs, size) -> None:
    async with home(runs, size) as (app, pilot):
        await press(pilot, "K", "h")
        await until(pilot, lambda: "wine af0c · " not in screen_text(app))
        assert "wine d0be · " in screen_text(app)
        await press(pilot, "slash", "home", "ctrl+k", *"hidden=true", "tab")
        await until(pilot, lambda: "wine af0c · " in screen_text(app))
        assert "wine d0be · " not in screen_text(app)
        await press(pilot, "K", "h")
        await until(pilot, lambda: not read_kept(runs / NEW).hidden)


@pytest.mark.parametrize("size", SIZES)
async def test_deleting_asks_for_the_name(runs, size) -> None:
    async with home(runs, size) as (app, pilot):
        await press(pilot, "K", "d")
        await until(pilot, lambda: "Type wine af0c to delete it." in screen_text(app))
        for text in ("", "yes"):
            await typed(pilot, text)
            assert "! type wine af0c to delete the run, or press esc" in screen_text(app)
        await press(pilot, "escape")
        assert (runs / NEW).is_dir()
        await press(pilot, "K", "d")
        await typed(pilot, "wine af0c")
        await until(pilot, lambda: "wine af0c · " not in screen_text(app))
        assert [path.name for path in runs.iterdir()] == [OLD]


async def test_only_the_best_checkpoint_is_kept(runs) -> None:
    async with home(runs, SIZES[1]) as (app, pilot):
        await press(pilot, "K", "b")
        await until(pilot, lambda: "Remove 1 checkpoints, 1 kB?" in screen_text(app))
        await press(pilot, "enter")
        assert (runs / NEW / "checkpoints" / "last.safetensors").exists()
        await press(pilot, "K", "b", "y")
        await until(pilot, lambda: "1 kB freed" in screen_text(app))
        assert [path.name for path in (runs / NEW / "checkpoints").iterdir()] == ["best.safetensors"]


async def test_nothing_happens_to_a_live_run(runs) -> None:
    host = RunDir(runs / NEW)
    async with home(runs, SIZES[1]) as (app, pilot):
        await press(pilot, "K", "d")
        await until(pilot, lambda: "Type wine af0c to delete it." in screen_text(app))
        host.hold(Owner(1, "here", ""))  # while the question is open
        await typed(pilot, "wine af0c")
        await until(pilot, lambda: "is training; stop it first" in screen_text(app).replace("\n", " "))
        assert (runs / NEW).is_dir()
        await until(pilot, lambda: "Continue" in screen_text(app) or app.screen.query_one(LongList).option_count == 4)
        app.screen.query_one(LongList).highlighted = 1
        await press(pilot, "K")
        await until(pilot, lambda: "It is training" in screen_text(app))
        assert "Delete" not in screen_text(app)
        await press(pilot, "d", "h", "b", "escape")
        assert (runs / NEW).is_dir()
        assert not read_kept(runs / NEW).hidden
    host.release()


def with_journal(folder: Path) -> JournalSession:
    """Return a session with a run that has a start and an end."""
    started = ev.RunStarted(step=0, preset="wine", path="/elsewhere", epochs=2, steps_per_epoch=5)
    scalars = ev.Scalars(step=5, steps=[1, 5], seconds=[0.1, 0.2], values={"train_loss": [1.0, 0.5]})
    over = ev.RunFinished(step=5, epoch=1, reason="completed")
    events = [each.model_copy(update={"run": folder.name}) for each in (started, scalars, over)]
    (folder / "events.jsonl").write_bytes(b"".join(map(encode_event, events)))
    return JournalSession(folder)


@pytest.mark.parametrize("size", SIZES)
async def test_the_table_of_the_runs_names_and_tags_them(runs, size) -> None:
    change_kept(runs / OLD, {"tags": ("baseline",)})
    app = app_over(MultiSession([with_journal(runs / OLD), with_journal(runs / NEW)]))
    async with show(app, size) as pilot:
        await until(pilot, lambda: "wine d0be" in screen_text(app))
        await press(pilot, "r")
        if not isinstance(app.screen, RunTable):
            await press(pilot, "r")
        await until(pilot, lambda: isinstance(app.screen, RunTable) and "baseline" in screen_text(app))
        await press(pilot, "down", "K", "r")
        await typed(pilot, "wide")
        await until(pilot, lambda: isinstance(app.screen, RunTable) and "wide" in screen_text(app))
        await press(pilot, "K", "t")
        await typed(pilot, "best")
        await until(pilot, lambda: isinstance(app.screen, RunTable) and "tags: best" in screen_text(app))
        assert "best" in screen_text(app)
    assert read_kept(runs / NEW).name == "wide"
    assert read_kept(runs / NEW).tags == ("best",)


async def test_the_dashboard_keeps_the_run_in_its_own_folder(runs) -> None:
    app = app_over(with_journal(runs / NEW))
    async with show(app, SIZES[1]) as pilot:
        await until(pilot, lambda: "1 loss" in screen_text(app))
        await press(pilot, "K", "t")
        await typed(pilot, "good")
        await until(pilot, lambda: "tags: good" in screen_text(app))
    assert read_kept(runs / NEW).tags == ("good",)


async def test_a_run_whose_folder_is_elsewhere_is_left_alone() -> None:
    from tests.ui.fake_session import running

    app = app_over(running())
    async with show(app, SIZES[1]) as pilot:
        await until(pilot, lambda: "1 loss" in screen_text(app))
        await press(pilot, "K")
        await until(pilot, lambda: "the folder of this run is not on this machine, or is gone" in screen_text(app))


async def test_header_and_title_name_a_run_as_the_user_does(runs) -> None:
    change_kept(runs / NEW, {"name": "wide"})
    app = app_over(with_journal(runs / NEW))
    async with show(app, SIZES[1]) as pilot:
        await until(pilot, lambda: " wide " in screen_text(app).splitlines()[0])
        await press(pilot, "K", "r")
        await typed(pilot, "wider")
        await until(pilot, lambda: " wider " in screen_text(app).splitlines()[0])
        await press(pilot, "K", "r")
        await typed(pilot, "")
        await until(pilot, lambda: " wine af0c " in screen_text(app).splitlines()[0])


async def test_a_deleted_run_leaves_the_table(runs) -> None:
    app = app_over(MultiSession([with_journal(runs / OLD), with_journal(runs / NEW)]))
    async with show(app, SIZES[1]) as pilot:
        await until(pilot, lambda: "wine d0be" in screen_text(app))
        await press(pilot, "r")
        if not isinstance(app.screen, RunTable):
            await press(pilot, "r")
        await until(pilot, lambda: "2 runs side by side" in screen_text(app))
        await press(pilot, "home", "K", "d")
        await typed(pilot, "wine d0be")
        await until(pilot, lambda: isinstance(app.screen, RunTable) and "wine d0be was deleted" in screen_text(app))
        listed = app.screen.query_one(Picker)
        await until(pilot, lambda: listed.option_count == 1)
        assert "╭─ 1 run " in screen_text(app)
        assert not (runs / OLD).exists()
        await press(pilot, "enter")
        await until(pilot, lambda: not isinstance(app.screen, RunTable))
        assert app.dashboard is not None
        assert list(app.dashboard.view_state.store.states) == [NEW]
        assert "wine d0be" not in screen_text(app)
        assert "No such file" not in screen_text(app)
        await press(pilot, "K", "d")
        await typed(pilot, "wine af0c")
        await until(pilot, lambda: not app.is_running or app.dashboard is None)
    assert app.return_value is not None
    assert app.return_value.message == "wine af0c was deleted"
    assert not (runs / NEW).exists()


async def test_a_run_that_is_deleted_elsewhere_leaves_the_screen(runs, monkeypatch) -> None:
    monkeypatch.setattr(kept_runs, "LOOK_SECONDS", 0.0)
    app = app_over(MultiSession([with_journal(runs / OLD), with_journal(runs / NEW)]))
    async with show(app, SIZES[1]) as pilot:
        await until(pilot, lambda: "wine d0be 1/2" in screen_text(app))
        assert app.dashboard is not None
        app.dashboard.view_state.selected_index = 1
        shutil.rmtree(runs / OLD)
        await until(pilot, lambda: "wine d0be" not in screen_text(app))
        assert "wine af0c" in screen_text(app)
        shutil.rmtree(runs / NEW)  # the last one stays: there is nothing else to show
        await until(pilot, lambda: NEW in app.dashboard.view_state.kept_runs.gone)
        assert "wine af0c" in screen_text(app)


async def test_legends_and_the_leaderboard_name_runs_as_the_user_does(runs, monkeypatch) -> None:
    monkeypatch.setattr(kept_runs, "LOOK_SECONDS", 0.0)
    app = app_over(MultiSession([with_journal(runs / OLD), with_journal(runs / NEW)]))
    async with show(app, SIZES[1]) as pilot:
        await until(pilot, lambda: "wine d0be 1/2" in screen_text(app))
        await press(pilot, "K", "r")
        await typed(pilot, "narrow")
        await until(pilot, lambda: "━ narrow" in screen_text(app))
        change_kept(runs / NEW, {"name": "wide"})  # by another program
        await until(pilot, lambda: " wide" in screen_text(app))
        assert app.dashboard is not None
        app.dashboard.perform("leaderboard")
        said = ("wine, ", "wine d0be is called narrow now")  # of the data, and the message about the first change
        await until(pilot, lambda: "wine" not in re.sub("|".join(said), "", screen_text(app)))
        assert {"narrow", "wide"} <= set(screen_text(app).split())


async def test_a_run_is_written_as_a_preset_to_a_new_file(runs, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text("mine")
    app = app_over(with_journal(runs / NEW))
    async with show(app, SIZES[0]) as pilot:
        await until(pilot, lambda: "1 loss" in screen_text(app))
        await press(pilot, "F")
        await until(pilot, lambda: "Write as a preset" in screen_text(app))
        await typed(pilot, "mine.toml")
        await until(pilot, lambda: "'mine.toml' exists and was not changed" in screen_text(app))
        await typed(pilot, "steered.toml")
        await until(pilot, lambda: "steered.toml: " in screen_text(app))
    assert (tmp_path / "mine.toml").read_text() == "mine"
    assert (tmp_path / "steered.toml").read_text() == bake(runs / NEW, NEW).text
