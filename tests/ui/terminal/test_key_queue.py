"""Keys that come in one piece each go to the screen that is there when the ones before have had their effect."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

import pytest
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Key
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Input

from tui_trainer.ui.terminal.key_queue import has_ready_callbacks
from tui_trainer.ui.terminal.terminal_app import TerminalApp


class Relay(Widget):
    """Passes a message on to itself so many times before it tells anybody."""

    class Passed(Message):
        def __init__(self, left: int) -> None:
            super().__init__()
            self.left = left

    class Arrived(Message):
        pass

    def compose(self) -> ComposeResult:
        yield Vertical(Vertical(Input()))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Passed(self.screen.messages))

    @on(Passed)
    async def _passed(self, event: Passed) -> None:
        event.stop()
        for _ in range(self.screen.pauses):
            await asyncio.sleep(0)
        self.post_message(self.Passed(event.left - 1) if event.left else self.Arrived())


class Dialog(ModalScreen[str]):
    """Closes in its own time after enter."""

    def __init__(self, messages: int, pauses: int) -> None:
        super().__init__()
        self.messages, self.pauses = messages, pauses

    def compose(self) -> ComposeResult:
        yield Vertical(Relay())

    async def on_mount(self) -> None:
        await self.mount(Vertical(Input(id="late")))
        self.query_one(Relay).query_one(Input).focus()

    @on(Relay.Arrived)
    def _arrived(self) -> None:
        self.dismiss(self.query_one(Relay).query_one(Input).value)


class Behind(Screen[None]):
    """Opens the dialog on `o`, and remembers every other key."""

    def __init__(self, *closing: int) -> None:
        super().__init__()
        self.closing = closing
        self.keys: list[str] = []
        self.answers: list[str | None] = []

    def on_key(self, event: Key) -> None:
        if event.key == "q":
            self.app.exit()
        elif event.key == "o":
            self.app.push_screen(Dialog(*self.closing), self.answers.append)
        else:
            self.keys.append(event.key)


class Typed(TerminalApp[None]):
    """Waits a moment for something else when its screens are gone, as for the thread that reads the keyboard."""

    async def on_unmount(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)


@pytest.mark.parametrize(("messages", "pauses"), [(0, 0), (1, 0), (2, 0), (40, 0), (0, 200), (9, 30)])
def test_keys_go_to_the_screen_that_the_ones_before_have_left(messages: int, pauses: int) -> None:
    behind = Behind(messages, pauses)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(behind)
        for key in "ao12", "enter", "bo3", "enter", "cd":
            for one in [key] if key == "enter" else key:
                pilot.app.post_message(Key(one, None if one == "enter" else one))
        deadline = time.monotonic() + 20
        await asyncio.sleep(0)
        while pilot.app._key_queue.busy:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)

    run(script)
    assert behind.keys == ["a", "b", "c", "d"]
    assert behind.answers == ["12", "3"]


def test_a_loop_that_always_has_something_to_do_lets_keys_in_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_trainer.ui.terminal.key_queue.PATIENCE", 0.05)
    behind = Behind(0, 0)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(behind)
        loop = asyncio.get_running_loop()
        over = False

        def spin() -> None:
            if not over:
                loop.call_soon(spin)

        spin()
        for key in "ab":
            pilot.app.post_message(Key(key, key))
        deadline = time.monotonic() + 20
        while behind.keys != ["a", "b"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        over = True

    run(script)


def test_the_key_that_ends_the_application_is_the_last() -> None:
    behind = Behind(0, 0)

    async def script(pilot: Pilot[None]) -> None:
        await pilot.app.push_screen(behind)
        loop = asyncio.get_running_loop()

        def spin() -> None:
            if pilot.app.screen_stack:
                loop.call_soon(spin)

        spin()
        for key in "qb":
            pilot.app.post_message(Key(key, key))
        deadline = time.monotonic() + 20
        while not pilot.app._exit:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)

    run(script)
    assert behind.keys == []


def test_the_loop_says_what_is_left_to_do() -> None:
    async def look() -> list[bool]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop._ready, deque)  # pyright: ignore[reportAttributeAccessIssue]
        seen = [has_ready_callbacks(loop)]
        loop.call_soon(lambda: None)
        return [*seen, has_ready_callbacks(loop)]

    assert asyncio.run(look()) == [False, True]


def run(script: Any) -> None:
    app = Typed()
    wrong: list[dict[str, Any]] = []

    async def play() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: wrong.append(context))
        async with app.run_test(size=(60, 20)) as pilot:
            await script(pilot)

    asyncio.run(play())
    assert wrong == []
    if app.crash is not None:
        raise app.crash
