"""The screen starts as it was left: view, theme and settings; each can be changed in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.fake_session import FakeSession, app_over, press, running, screen_text, show, started, trained, until
from tui_trainer.ui import themes
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.registry import ChartKind
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.preferences.screen_state import ProjectState, ScreenState, load, update
from tui_trainer.ui.screens.settings_form import SettingsScreen
from tui_trainer.ui.screens.theme_picker import ThemePicker
from tui_trainer.ui.settings import Settings, settings_path

NO_COLOR = {"TERM": "xterm-256color", "NO_COLOR": "1"}


@pytest.fixture
def state_file(tmp_path: Path) -> Path:
    return tmp_path / "screen.json"


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def looked_at(path: Path, **options: Any) -> TrainerApp:
    """An app whose run is in the folder `runs` beside the state file."""
    session = FakeSession()
    session.play(started(path=str(path.parent / "runs" / "digits")), *trained(200))
    return app_over(session, memory=ScreenMemory(path), **{"theme": None, **options})


async def test_the_view_of_a_project_is_as_it_was_left(state_file: Path) -> None:
    app = looked_at(state_file)
    async with show(app) as pilot:
        await press(pilot, "a", "m", "2")
        assert app.dashboard is not None
        left = app.dashboard.view_state
        await until(pilot, lambda: left.maximized is ChartKind.RATE and left.view.axis == "epoch")
        await pilot.pause()
        app.tick()
    app.preferences.memory.close()
    again = looked_at(state_file)
    async with show(again) as pilot:
        assert again.dashboard is not None
        seen = again.dashboard.view_state
        await until(pilot, lambda: seen.maximized is ChartKind.RATE)
        assert (seen.view.axis, seen.view.smoothing) == (left.view.axis, left.view.smoothing)
    other = looked_at(state_file)
    session = running()
    elsewhere = app_over(session, memory=ScreenMemory(state_file))
    async with show(elsewhere) as pilot:
        assert elsewhere.dashboard is not None
        assert elsewhere.dashboard.view_state.view.axis == "step"
    assert other.preferences.memory.state.projects.keys() == {str(state_file.parent / "runs")}


async def test_a_remembered_chart_that_a_run_lacks_is_not_forgotten(state_file: Path) -> None:
    folder = str(state_file.parent / "runs")
    update(state_file, lambda state: state.with_project(folder, ProjectState(chart="confusion", log={"loss": True})))
    app = looked_at(state_file)
    async with show(app) as pilot:
        assert app.dashboard is not None
        await until(
            pilot, lambda: app.dashboard is not None and dict(app.dashboard.view_state.view.log) == {"loss": True}
        )
        await press(pilot, "a")
        await pilot.pause()
        app.tick()
    app.preferences.memory.close()
    project = load(state_file)[0].projects[folder]
    assert project == ProjectState(axis="epoch", chart="confusion", log={"loss": True})


async def test_a_damaged_state_file_is_one_line_on_the_screen(state_file: Path) -> None:
    state_file.write_bytes(b"\x00")
    app = looked_at(state_file)
    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: "not JSON; starting from the defaults" in screen_text(app))


async def test_a_theme_is_shown_while_it_is_highlighted_and_escape_takes_it_back(state_file: Path) -> None:
    app = looked_at(state_file)
    async with show(app) as pilot:
        await press(pilot, "t")
        await until(pilot, lambda: isinstance(app.screen, ThemePicker))
        await press(pilot, "G")
        await until(pilot, lambda: app.theme not in {theme.name for theme in themes.THEMES})
        await press(pilot, "escape")
        await until(pilot, lambda: app.theme == themes.DARK.name)
        await press(pilot, "t", "j", "enter")
        await until(pilot, lambda: app.theme == themes.LIGHT.name and not isinstance(app.screen, ThemePicker))
    app.preferences.memory.close()
    assert looked_at(state_file).theme == themes.LIGHT.name


async def test_every_theme_can_be_drawn_and_the_charts_change_with_it(state_file: Path) -> None:
    app = looked_at(state_file)
    async with show(app, (140, 40)) as pilot:
        for name in app.available_themes:
            app.theme = name
            await pilot.pause()
            assert "loss" in screen_text(app)
            assert app.has_class("-plain") == app.current_theme.ansi
    assert not app.errors


def test_a_setting_that_was_changed_since_wins_over_the_chosen_theme(state_file: Path) -> None:
    update(state_file, lambda _: ScreenState("nord", "auto"))
    assert looked_at(state_file).theme == "nord"
    assert looked_at(state_file, settings=Settings(theme="light")).theme == themes.LIGHT.name
    assert looked_at(state_file, theme="light").theme == themes.LIGHT.name
    update(state_file, lambda _: ScreenState("gone", "auto"))
    assert looked_at(state_file).theme == themes.DARK.name


async def test_without_colours_the_picker_says_why_only_one_theme_is_offered(
    state_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update(state_file, lambda _: ScreenState("nord", "auto"))
    app = looked_at(state_file, environ=NO_COLOR)
    assert app.theme == themes.PLAIN_DARK.name
    async with show(app) as pilot:
        await press(pilot, "t")
        await until(pilot, lambda: "NO_COLOR is set" in screen_text(app))
        assert "nord" not in screen_text(app)
        await press(pilot, "enter")
    app.preferences.memory.close()


async def test_the_settings_screen_saves_what_was_changed(state_file: Path) -> None:
    path = settings_path()
    assert path is not None
    path.parent.mkdir(parents=True)
    path.write_text("rest = 5  # seconds\n")
    app = looked_at(state_file, settings=Settings(rest=5.0))
    async with show(app, (140, 40)) as pilot:
        await press(pilot, "comma")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and "from settings.toml" in screen_text(app))
        assert str(path.name) in screen_text(app)
        await press(pilot, "right", "right")  # auto, dark, light
        await press(pilot, "enter")
        await until(pilot, lambda: app.theme == themes.LIGHT.name)
        assert app.settings == Settings(theme="light", rest=5.0)
    assert path.read_text() == 'rest = 5  # seconds\ntheme = "light"\n'
    app.preferences.memory.close()


async def test_a_wrong_value_is_said_beside_its_field_and_not_saved(state_file: Path) -> None:
    path = settings_path()
    assert path is not None
    app = looked_at(state_file)
    async with show(app, (140, 40)) as pilot:
        await press(pilot, "comma", "down", "9", "9", "9", "enter")
        await until(pilot, lambda: "at most 30" in screen_text(app))
        assert isinstance(app.screen, SettingsScreen)
        await press(pilot, "escape")
        await until(pilot, lambda: not isinstance(app.screen, SettingsScreen))
    assert not path.exists()
    app.preferences.memory.close()
