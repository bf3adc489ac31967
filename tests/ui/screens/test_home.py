"""The home screen: what there is, what is found, what is opened."""

from __future__ import annotations

import threading
from typing import Any

from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.ui.fake_session import FakeSession, app_over, finished, play, press, running, screen_text, settle, until
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.session.base import Session
from tui_trainer.session.catalog import PresetInfo

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
    """Presets and runs of a test."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.session = running()
        self.error: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()

    def presets(self) -> list[PresetInfo]:
        return PRESETS

    def runs(self) -> list[RunInfo]:
        self.gate.wait(10)
        return RUNS

    def start(self, preset: str) -> Session:
        return self._open("start", preset)

    def join(self, run: RunInfo) -> Session:
        return self._open("join", run.name)

    def _open(self, how: str, name: str) -> Session:
        self.gate.wait(10)
        self.opened.append((how, name))
        if self.error is not None:
            raise self.error
        return self.session


def at_home(shelf: Shelf, script: Any, size: tuple[int, int] = (100, 30)) -> Any:
    app = app_over(catalogue=shelf)

    async def run(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "digits-mlp" in screen_text(app) or not shelf.gate.is_set())
        await script(pilot, app)

    return play(app, run, size)


def test_everything_there_is_is_listed_in_its_group() -> None:
    async def script(pilot: Pilot[Any], app: Any) -> None:
        text = screen_text(app)
        order = [
            text.index(word)
            for word in ("Running", "live-run", "Start here", "too-high", "Optimizers", "Finished", "old-run")
        ]
        assert order == sorted(order)
        assert "val_loss" in text  # of the run that is chosen

    at_home(Shelf(), script)


def test_enter_starts_a_preset() -> None:
    shelf = Shelf()

    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "down", "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await until(pilot, lambda: "1 loss" in screen_text(app))

    at_home(shelf, script)
    assert shelf.opened == [("start", "digits-mlp")]


def test_enter_joins_a_live_run_and_opens_a_finished_one() -> None:
    shelf = Shelf()

    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await press(pilot, "d")
        await until(pilot, lambda: app.dashboard is None)
        await press(pilot, *"old", "enter")
        await until(pilot, lambda: app.dashboard is not None)

    at_home(shelf, script)
    assert shelf.opened == [("join", "live-run"), ("join", "old-run")]
    assert shelf.session.closed >= 1


def test_typing_finds() -> None:
    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, *"thirty")
        assert "too-high" in screen_text(app)
        assert "live-run" not in screen_text(app)
        await press(pilot, "escape")
        assert "live-run" in screen_text(app)
        await press(pilot, *"zzz")
        assert "nothing matches" in screen_text(app)
        await press(pilot, "enter")
        assert app.dashboard is None

    at_home(Shelf(), script)


def test_what_cannot_be_opened_is_said_here() -> None:
    shelf = Shelf()
    shelf.error = UserError("no such device: cuda")

    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "enter")
        await until(pilot, lambda: "! no such device: cuda" in screen_text(app))
        shelf.error = RuntimeError("broken")
        await press(pilot, "enter")
        await until(pilot, lambda: "could not be opened: RuntimeError: broken" in screen_text(app))
        assert app.dashboard is None

    at_home(shelf, script)


def test_a_slow_disk_does_not_hold_the_screen() -> None:
    shelf = Shelf()
    shelf.gate.clear()

    async def script(pilot: Pilot[Any], app: Any) -> None:
        assert "reading" in screen_text(app)
        await press(pilot, *"dig")
        assert "dig" in screen_text(app)
        shelf.gate.set()
        await until(pilot, lambda: "digits-mlp" in screen_text(app))

    at_home(shelf, script)


def test_enter_twice_opens_once() -> None:
    shelf = Shelf()

    async def script(pilot: Pilot[Any], app: Any) -> None:
        shelf.gate.clear()
        await press(pilot, "enter", "enter")
        await until(pilot, lambda: "opening live-run" in screen_text(app))
        shelf.gate.set()
        await until(pilot, lambda: app.dashboard is not None)

    at_home(shelf, script)
    assert shelf.opened == [("join", "live-run")]


def test_the_choice_stays_when_the_list_is_read_again() -> None:
    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "down", "down")
        chosen = app.screen.query_one(OptionList).highlighted_option.id
        await press(pilot, "f5")
        await until(pilot, lambda: "too-high" in screen_text(app))
        assert app.screen.query_one(OptionList).highlighted_option.id == chosen

    at_home(Shelf(), script)


def test_escape_and_interrupt_leave() -> None:
    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "escape")

    app = at_home(Shelf(), script)
    assert app.return_value.exit_code == 0


def test_q_leaves_where_nothing_is_typed_and_is_a_letter_where_something_is() -> None:
    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "s", "q")
        await settle(pilot)
        assert "sq" in screen_text(app)
        assert app.return_value is None
        await press(pilot, "escape")
        await settle(pilot)
        await press(pilot, "q")

    assert at_home(Shelf(), script).return_value.exit_code == 0


def test_a_run_that_was_stopped_comes_back_home() -> None:
    shelf = Shelf()

    async def script(pilot: Pilot[Any], app: Any) -> None:
        await press(pilot, "enter")
        await until(pilot, lambda: app.dashboard is not None)
        await press(pilot, "q", "s")
        shelf.session.last(cmd.Stop)
        shelf.session.play(finished("stopped"))
        await until(pilot, lambda: app.dashboard is None)
        await settle(pilot)
        assert "Start here" in screen_text(app)

    at_home(shelf, script)


def test_small_terminals_list_too() -> None:
    async def script(pilot: Pilot[Any], app: Any) -> None:
        assert "digits-mlp" in screen_text(app)

    at_home(Shelf(), script, size=(40, 12))


def test_a_session_over_a_catalogue_leads_back_to_it() -> None:
    app = app_over(FakeSession(), catalogue=Shelf())

    async def script(pilot: Pilot[Any]) -> None:
        assert app.dashboard is not None
        await press(pilot, "d")
        await until(pilot, lambda: "Start here" in screen_text(app))

    play(app, script)
