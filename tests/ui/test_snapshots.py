"""Snapshots of the screens. After a deliberate change, run with `--snapshot-update` and look at each changed file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.fake_session import (
    TERMINAL,
    FakeSession,
    app_over,
    finished,
    press,
    running,
    screen_text,
    settle,
    started,
    trained,
    until,
)
from tests.ui.lecture.test_lecture import DUEL, FAST, Lecture, narrated
from tests.ui.racing.test_race_dialog import enter_race, racing
from tests.ui.racing.test_step_dialog import open_trial, paused
from tests.ui.screens.test_home import PRESETS, RUNS
from tests.ui.screens.test_home_tabs import Store
from tests.ui.steering.test_find_rate import answering
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.guards.events import GuardState
from tui_trainer.protocol.pictures import Axis, Bars, Contour, Group, Line, Spots, taken
from tui_trainer.session.catalog import PresetInfo
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.lecture.tour import LecturePlan
from tui_trainer.ui.settings import Settings

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def still(pilot: Pilot[Any]) -> None:
    """Wait until the screen stays the same."""
    app = cast(TrainerApp, pilot.app)
    seen: list[str] = []
    while len(seen) < 5 or len(set(seen[-5:])) > 1:
        if app.dashboard is not None:
            app.dashboard.redraw()  # at once: how often it may draw is not what is looked at here
        await settle(pilot)
        await pilot.pause(0.02)
        seen.append(screen_text(app))


def after(*keys: str) -> Callable[[Pilot[Any]], Any]:
    """Wait until the run is drawn, press keys, and wait until the screen stays the same."""

    async def before(pilot: Pilot[Any]) -> None:
        app = cast(TrainerApp, pilot.app)
        await until(pilot, lambda: "4/10" in screen_text(app))
        await press(pilot, *keys)
        await still(pilot)

    return before


def steered() -> FakeSession:
    """A run with an intervention."""
    session = running()
    by = cmd.SetLearningRate(factor=0.5, by="ann@host")
    session.play(ev.SettingChanged(step=100, name="lr", value=0.004, previous=0.008, cause=by))
    session.play(ev.ResourcesMeasured(memory=412_000_000))
    return session


def test_dashboard_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(80, 24), run_before=after())


def test_dashboard_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(140, 40), run_before=after())


def test_dashboard_200x60(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(200, 60), run_before=after())


def test_dashboard_40x12(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(40, 12), run_before=after())


def test_light_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered(), theme="light"), terminal_size=(140, 40), run_before=after())


def test_no_color_80x24(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_over(steered(), environ={**TERMINAL, "NO_COLOR": "1"})
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("s"))


def test_sixteen_colours_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered(), theme="ansi"), terminal_size=(80, 24), run_before=after())


def test_set_of_runs_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(running("set/a", "set/b")), terminal_size=(140, 40), run_before=after("tab"))


def test_cursor_and_card_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(140, 40), run_before=after("left_square_bracket"))


def test_schedule_picker_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(140, 40), run_before=after("s", "down"))


def test_schedule_picker_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(80, 24), run_before=after("s", "down"))


def test_rate_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(80, 24), run_before=after("o", "r", "x", "2"))


def test_quit_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(80, 24), run_before=after("q"))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
def test_race(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        app = cast(TrainerApp, pilot.app)
        await until(pilot, lambda: "4/10" in screen_text(app))
        await enter_race(pilot, app)
        await until(pilot, lambda: "*2  loss" in screen_text(app) and "take 2" in screen_text(app))
        await still(pilot)

    app = app_over(racing(), settings=Settings(name="ann"))  # the log names who asked
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
def test_tried_batch(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def before(pilot: Pilot[Any]) -> None:
        await open_trial(pilot, cast(TrainerApp, pilot.app))
        await still(pilot)

    assert snap_compare(app_over(paused()), terminal_size=size, run_before=before)


def test_palette_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(80, 24), run_before=after("colon", "r", "a"))


def test_help_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(140, 40), run_before=after("question_mark"))


def test_layers_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(80, 24), run_before=after("w"))


def test_layers_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(steered()), terminal_size=(140, 40), run_before=after("w"))


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
def test_found_rate(snap_compare: Compare, size: tuple[int, int]) -> None:
    rates = [10 ** (-6 + 7 * index / 69) for index in range(70)]
    losses = [2 - 1.5 / (1 + (1e-3 / rate) ** 2) + (rate / 0.5) ** 4 for rate in rates]
    found = ev.RateFound(
        steps=70, seconds=0.5, bytes=2_000_000, lr=1e-3, rates=rates, losses=losses, smoothed=losses,
        proposed=rates[34], steepest=rates[30], tenth=rates[35],
    )  # fmt: skip

    async def before(pilot: Pilot[Any]) -> None:
        app = cast(TrainerApp, pilot.app)
        await until(pilot, lambda: "4/10" in screen_text(app))
        await press(pilot, "o", "f")
        await until(pilot, lambda: "100 steps, about 9.0 s" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "p proposed" in screen_text(app))
        await still(pilot)

    app = app_over(answering(found), settings=Settings(name="ann"))
    assert snap_compare(app, terminal_size=size, run_before=before)


def pictured() -> FakeSession:
    """A run with pictures of a path on a contour and of its layers."""
    session = running()
    session.play(started(config={"pictures": [{"kind": "path"}, {"kind": "layers"}]}), *trained(200))
    bowl = tuple(tuple(float(x * x + 4 * y * y) for x in range(-6, 7)) for y in range(-4, 5))
    path = Line(name="path", x=(5, -4, 3, -2, 1, 0), y=(3, 2, -1, 1, -0.5, 0))
    contour = Contour(
        title="path", x=Axis(low=-6, high=6), y=Axis(low=-4, high=4), values=bowl, levels=(2, 8, 18, 32, 50),
        paths=(path,), spots=(Spots(name="start", x=(5,), y=(3,)),),
    )  # fmt: skip
    names = ("first", "second", "head")
    groups = (Group(name="grad", values=(0.001, 0.01, 0.1)), Group(name="moved", values=(0.0, 0.2, None)))
    layers = Bars(title="layers", y=Axis(log=True), labels=names, groups=groups)
    session.play(taken("path", contour, {"mean_cos": 0.25}, step=200), taken("layers", layers, {}, step=200))
    return session


@pytest.mark.parametrize("size", [(80, 24), (140, 40)], ids=["80x24", "140x40"])
def test_pictures(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_over(pictured()), terminal_size=size, run_before=after())


def test_picture_without_colour_80x24(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_over(pictured(), environ={**TERMINAL, "NO_COLOR": "1"})
    assert snap_compare(app, terminal_size=(80, 24), run_before=after("7"))


def test_summary_80x24(snap_compare: Compare) -> None:
    session = steered()
    session.play(finished("early-stopped"))
    assert snap_compare(app_over(session), terminal_size=(80, 24), run_before=after())


SIZES = pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)], ids=["80x24", "140x40", "40x12"])


class FewPresets(Store):
    """A runs directory with three presets."""

    def presets(self) -> list[PresetInfo]:
        return PRESETS


def _previewed(app: TrainerApp, size: tuple[int, int]) -> bool:
    """Return whether home shows the facts of a preset, which a thread reads; at 40x12 there is no room for them."""
    return size[1] < 16 or "optimizer" in screen_text(app).partition("batch_size")[2]


@SIZES
@pytest.mark.parametrize("tab", ["start", "runs", "lecture"])
def test_home(snap_compare: Compare, size: tuple[int, int], tab: str) -> None:
    app = app_over(catalogue=FewPresets(Path("/r/none"), RUNS))

    async def before(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "Continue" in screen_text(app))
        if tab == "start":
            await press(pilot, "down")
            await until(pilot, lambda: _previewed(app, size))
        elif tab == "runs":
            await press(pilot, "2", "down")
        else:
            await press(pilot, "3")
            await until(pilot, lambda: "S02" in screen_text(app))

    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_start_form(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = app_over(catalogue=FewPresets(Path("/r/none"), RUNS))

    async def before(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "Continue" in screen_text(app))
        await press(pilot, "down")
        await until(pilot, lambda: _previewed(app, size))  # a part of it stays in sight behind the form
        await press(pilot, "e", "down", "tab", "right")
        await until(pilot, lambda: "optimizer.kind=adamw" in screen_text(app))
        await settle(pilot)

    assert snap_compare(app, terminal_size=size, run_before=before)


def narrated_twice() -> FakeSession:
    """Two runs of a lesson that have trained for some steps."""
    session = narrated(DUEL, "set/gd", "set/sgd")
    for run in session.runs:
        session.play(*trained(200), run=run)
    return session


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)], ids=["80x24", "140x40", "40x12"])
def test_narration(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = app_over(narrated_twice(), settings=FAST)

    async def before(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: app.dashboard is not None and len(app.dashboard.view_state.narrator.shown) == 3)
        await after("1")(pilot)

    assert snap_compare(app, terminal_size=size, run_before=before)


@SIZES
def test_contents(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = app_over(programme=LecturePlan(Lecture()))

    async def before(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "S02" in screen_text(app))
        await press(pilot, "down")

    assert snap_compare(app, terminal_size=size, run_before=before)


def guarded() -> FakeSession:
    session = steered()
    rules = [("guard-1", "when val_loss rises 3 epochs: lr x0.5, at most 2 times"), ("spike", "when loss > 9: pause")]
    guards = tuple(GuardState(name=name, rule=rule, fired=1, left=1, last=120) for name, rule in rules)
    session.play(ev.GuardsChanged(guards=guards))
    return session


def typed_guard() -> Callable[[Pilot[Any]], Any]:
    """Open the guards and type a rule."""

    async def before(pilot: Pilot[Any]) -> None:
        await after("o", "G")(pilot)
        pilot.app.screen.query_one("#rule", Input).value = "when loss > 0: lr x0.5, at most 3 times, cool-down 40 steps"
        await until(pilot, lambda: "would have fired" in screen_text(cast(TrainerApp, pilot.app)))

    return before


def test_guards_80x24(snap_compare: Compare) -> None:
    assert snap_compare(app_over(guarded()), terminal_size=(80, 24), run_before=typed_guard())


def test_guards_140x40(snap_compare: Compare) -> None:
    assert snap_compare(app_over(guarded()), terminal_size=(140, 40), run_before=typed_guard())
