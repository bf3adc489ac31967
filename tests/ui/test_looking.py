"""Looking never changes a run: the keys of the look group and clicks send no command, on any screen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    press,
    running,
    screen_text,
    settle,
    show,
    trained,
    until,
)
from tests.ui.lecture.test_lecture import Lecture, narrated
from tests.ui.screens.test_home import Shelf, show_home
from tui_trainer.protocol import events as ev
from tui_trainer.ui.actions import ACTIONS
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.forms.key_hints import KeyHints
from tui_trainer.ui.lecture.tour import LecturePlan

LOOK = [key for action in ACTIONS if action.group == "look" for key in action.keys]
SCREENS: dict[str, tuple[str, ...]] = {
    "charts": (),
    "one chart": ("1",),
    "findings": ("i",),
    "layers": ("w",),
    "card": ("left_square_bracket",),
    "run table": ("r",),
    "panel": ("o",),
    "rate": ("o", "r"),
    "optimizer": ("o", "o"),
    "schedule": ("s",),
    "epochs": ("o", "E"),
    "early stopping": ("o", "p"),
    "stop": ("e",),
    "clip": ("o", "g"),
    "note": ("o", "n"),
    "roll back": ("o", "b"),
    "again": ("o", "N"),
    "help": ("question_mark",),
    "palette": ("colon",),
    "search": ("slash",),
    "copy": ("y",),
    "events": ("f",),
    "settings": ("comma",),
    "theme": ("t",),
    "quit": ("q",),
}
LETTERS_ARE_TEXT = {
    "panel",
    "rate",
    "optimizer",
    "schedule",
    "epochs",
    "early stopping",
    "stop",
    "roll back",
    "again",
    "clip",
    "note",
    "settings",
}
"""Screens whose letters are text or choices: there only the keys that move count as looking."""
GATE = {"charts", "card", "panel", "schedule", "run table", "quit", "a run that is over"}
"""Screens that `make test` walks, one of each kind; `make test-all` walks the others."""
MOVES = ("up", "down", "left", "right", "tab", "shift+tab", "pageup", "pagedown", "home", "end")


def walked(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test on each of these screens; on most of them among the long tests."""
    marked = [pytest.param(name, marks=() if name in GATE else pytest.mark.long) for name in names]
    return pytest.mark.parametrize("name", marked)


def steered(*runs: str) -> FakeSession:
    session = running(*runs)
    session.play(ev.Noted(step=100, text="here"))
    return session


async def back_to(pilot: Pilot[Any], app: TrainerApp, keys: tuple[str, ...]) -> None:
    """Leave whatever is open, and open a screen again."""
    while len(app.screen_stack) > 1:
        await press(pilot, "escape")
    await press(pilot, *["escape"] * 4, *keys)


@walked(SCREENS)
async def test_keys_that_look_send_nothing(name: str) -> None:
    session = steered("set/a", "set/b")
    app = app_over(session)

    async with show(app, (80, 24)) as pilot:
        await press(pilot, *SCREENS[name])
        opened = len(app.screen_stack)
        for key in MOVES if name in LETTERS_ARE_TEXT or opened > 1 else LOOK:
            await press(pilot, key)
            if len(app.screen_stack) != opened:
                await back_to(pilot, app, SCREENS[name])
        assert app.is_running
    assert session.sent == []
    assert session.closed == 0 or not app.is_running


@walked(SCREENS)
async def test_a_click_anywhere_but_on_footer_and_hints_sends_nothing(name: str) -> None:
    session = steered("set/a", "set/b")
    app = app_over(session)

    async with show(app, (80, 24)) as pilot:
        await press(pilot, *SCREENS[name])
        opened = len(app.screen_stack)
        for y in range(24):
            x = 3 + 19 * (y % 4)  # one click in a row of cells: a second one on the same row of a list would act
            widget, _ = app.screen.get_widget_at(x, y)
            if isinstance(widget, (Footer, KeyHints)):
                continue
            await press(pilot, "f12")
            for kind in (events.MouseDown, events.MouseUp):
                app.post_message(kind(widget, x, y, 0, 0, 1, False, False, False, x, y))
            await settle(pilot)
            assert len(app.screen_stack) == opened, f"{name}: a click on {widget} at {x}, {y}\n{screen_text(app)}"
    assert session.sent == []


async def test_a_second_click_acts() -> None:
    session = running()
    app = app_over(session)

    async with show(app) as pilot:
        await press(pilot, "e")
        row = next(y for y, line in enumerate(screen_text(app).splitlines()) if "After this batch" in line)
        await pilot.click(offset=(45, row))
        assert session.sent == []
        await pilot.click(offset=(45, row))
    assert [command.type for command in session.sent] == ["Stop"]


async def test_a_click_on_a_hint_equals_its_key() -> None:
    app = app_over(running())

    async with show(app) as pilot:
        await press(pilot, "e")
        row = next(y for y, line in enumerate(screen_text(app).splitlines()) if "esc cancel" in line)
        column = screen_text(app).splitlines()[row].index("esc cancel")
        await pilot.click(offset=(column + 1, row))
        await settle(pilot)
        assert len(app.screen_stack) == 1


async def test_a_click_on_the_home_screen_selects_and_shows() -> None:
    shelf = Shelf()
    app = app_over(catalogue=shelf)

    async with show_home(app) as pilot:
        row = next(y for y, line in enumerate(screen_text(app).splitlines()) if "too-high" in line)
        await pilot.click(offset=(10, row))
        await settle(pilot)
        assert "What divergence looks like." in screen_text(app)
        assert shelf.opened == []
        await press(pilot, "k", "j", "G", "g", "n", "N")
        assert shelf.opened == []
        await pilot.click(offset=(10, row))
        await settle(pilot)
        assert shelf.opened == []  # the highlight has moved since
        await pilot.click(offset=(10, row))
        while not shelf.opened:
            await settle(pilot)
    assert shelf.opened == [("start", "too-high")]


async def test_home_has_help_and_commands() -> None:
    app = app_over(catalogue=Shelf())

    async with show_home(app) as pilot:
        await press(pilot, "question_mark")
        assert "Read everything again." in screen_text(app)
        await press(pilot, "question_mark")
        assert "Read everything again." not in screen_text(app)
        await press(pilot, "colon", *"refr")
        assert "refresh" in screen_text(app)
        await press(pilot, "escape")
        assert app.return_value is None


OTHERS = {
    "start card": FakeSession,
    "a run that is over": lambda: over(steered()),
    "a set that is over": lambda: over(steered("set/a", "set/b")),
    "a host that died": lambda: silent(steered()),
    "a lesson": lambda: lesson(),
}
"""Sessions whose screens differ from that of a run that trains."""


def over(session: FakeSession) -> FakeSession:
    for run in session.runs:
        session.play(finished(), run=run)
    return session


def silent(session: FakeSession) -> FakeSession:
    session.say("the host is gone", fatal=True)
    return session


def lesson() -> FakeSession:
    session = narrated()
    session.play(*trained(100))
    return session


@walked(OTHERS)
async def test_looking_sends_nothing_in_other_states(name: str) -> None:
    session = OTHERS[name]()
    app = app_over(session)

    async with show(app, (80, 24)) as pilot:
        for key in (*LOOK, *MOVES):
            await press(pilot, key)
            if len(app.screen_stack) > 1:
                await back_to(pilot, app, ())
        await press(pilot, "escape", "W")
        for y in range(23):
            widget, _ = app.screen.get_widget_at(40, y)
            if not isinstance(widget, (Footer, KeyHints)):
                await press(pilot, "f12")
                await pilot.click(offset=(40, y))
        assert app.is_running
    assert session.sent == []


async def test_looking_at_the_contents_starts_nothing() -> None:
    lecture = Lecture()
    app = app_over(programme=LecturePlan(lecture))

    async with show(app, (80, 24)) as pilot:
        await until(pilot, lambda: "gd-vs-sgd" in screen_text(app))
        for key in (*MOVES, "j", "k", "g", "G", "n", "N"):
            await press(pilot, key)
        await pilot.click(offset=(30, 8))
        await settle(pilot)
        assert app.dashboard is None
    assert lecture.started == []
