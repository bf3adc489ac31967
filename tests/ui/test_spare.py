"""When a screen prepares the host of its next training."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import app_over, finished, press, running, settle, show, started
from tests.ui.screens.test_home import Shelf, show_home
from tui_trainer.session.spare import spare_host
from tui_trainer.ui import app as app_module
from tui_trainer.ui import run_app as runner
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.settings import Settings


class Recorder:
    """Counts what is asked of the spare host."""

    def __init__(self) -> None:
        self.prepared = 0
        self.allowed: list[bool] = []
        self.closed = 0

    def prepare(self) -> None:
        self.prepared += 1

    def allow(self, allowed: bool) -> None:
        self.allowed.append(allowed)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def spare(monkeypatch) -> Recorder:
    recorder = Recorder()
    for module in (app_module, runner, spare_host):
        monkeypatch.setattr(module, "SPARE", recorder)
    return recorder


async def test_home_prepares_it_once_the_screen_is_up(spare):
    app = app_over(catalogue=Shelf())
    async with show_home(app) as pilot:
        app._spare_due = float("inf")
        before = spare.prepared
        await settle(pilot)
        assert spare.prepared == before
        app._spare_due = 0.0
        await settle(pilot)
        assert spare.prepared > before


async def test_a_run_prepares_it_at_its_end_or_when_it_is_to_be_trained_again(spare):
    session = running()
    app = app_over(session)
    async with show(app) as pilot:
        app._spare_due = 0.0
        await settle(pilot)
        assert spare.prepared == 0
        assert app.dashboard is not None
        app.dashboard.perform("anew")
        assert spare.prepared == 1
        await pilot.pause()
        await press(pilot, "escape")
        session.play(started(), finished())
        await settle(pilot)
        await settle(pilot)
        assert spare.prepared > 1


async def test_a_log_of_another_program_has_nothing_to_train_again(spare):
    session = running()
    app = app_over(session)
    async with show(app) as pilot:
        session.play(started(path=""), finished())
        app._spare_due = 0.0
        await settle(pilot)
        await settle(pilot)
        assert spare.prepared == 0


@pytest.mark.parametrize(
    ("kind", "setting", "allowed"), [("live", True, True), ("live", False, False), ("in-process", True, False)]
)
def test_the_setting_and_a_run_in_this_process_switch_it_off(spare, monkeypatch, kind, setting, allowed):
    monkeypatch.setattr(TrainerApp, "run", lambda self, mouse: AppResult(0))
    runner.run_app(running(kind=kind), settings=Settings(spare_host=setting))
    assert spare.allowed == [allowed]
    assert spare.closed == 1
