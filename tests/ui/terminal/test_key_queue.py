"""Keys that arrive together each go to the screen that is open after the effects of the keys before."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
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
    """A widget that forwards a message to itself `messages` times before it posts `Arrived`."""

    class Passed(Message):
        def __init__(self, remaining: int) -> None:
            super().__init__()
            self.remaining = remaining

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
        self.post_message(self.Passed(event.remaining - 1) if event.remaining else self.Arrived())


class Dialog(ModalScreen[str]):
    """A dialog that closes some messages and loop iterations after enter."""

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
    """A screen that opens the dialog on `o` and records every other key."""

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
    """An application that waits for a thread after its screens are gone, as the driver does for its input thread."""

    async def on_unmount(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.01)


@asynccontextmanager
async def typed() -> AsyncGenerator[Pilot[None]]:
    """The application with a pilot; fails if the loop or the application had an error."""
    app = Typed()
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    async with app.run_test(size=(60, 20)) as pilot:
        yield pilot
    assert errors == []
    if app.crash is not None:
        raise app.crash


@pytest.mark.parametrize(("messages", "pauses"), [(0, 0), (1, 0), (2, 0), (40, 0), (0, 200), (9, 30)])
async def test_keys_go_to_the_screen_left_by_the_keys_before(messages: int, pauses: int) -> None:
    behind = Behind(messages, pauses)
    async with typed() as pilot:
        await pilot.app.push_screen(behind)
        for key in "ao12", "enter", "bo3", "enter", "cd":
            for one in [key] if key == "enter" else key:
                pilot.app.post_message(Key(one, None if one == "enter" else one))
        await _delivered(pilot)
    assert behind.keys == ["a", "b", "c", "d"]
    assert behind.answers == ["12", "3"]


async def test_a_busy_loop_delivers_keys_after_the_maximum_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui_trainer.ui.terminal.key_queue.MAX_WAIT", 0.05)
    behind = Behind(0, 0)
    async with typed() as pilot:
        await pilot.app.push_screen(behind)
        loop = asyncio.get_running_loop()
        over = False

        def spin() -> None:
            if not over:
                loop.call_soon(spin)

        spin()
        for key in "ab":
            pilot.app.post_message(Key(key, key))
        deadline = time.monotonic() + 60
        while behind.keys != ["a", "b"]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
        over = True


async def test_no_key_is_delivered_after_the_application_ends() -> None:
    behind = Behind(0, 0)
    async with typed() as pilot:
        await pilot.app.push_screen(behind)
        loop = asyncio.get_running_loop()

        def spin() -> None:
            if pilot.app.screen_stack:
                loop.call_soon(spin)

        spin()
        for key in "qb":
            pilot.app.post_message(Key(key, key))
        deadline = time.monotonic() + 60
        while not pilot.app._exit:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.001)
    assert behind.keys == []


class Hidden(Screen[None]):
    """A screen with an entry that `r` shows, and that takes the focus once it has been laid out."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = "Hidden Input { display: none; } Hidden.-typing Input { display: block; }"

    def compose(self) -> ComposeResult:
        yield Input()

    def on_key(self, event: Key) -> None:
        if event.key == "r" and not self.has_class("-typing"):
            self.add_class("-typing")
            self.call_after_refresh(self.query_one(Input).focus)


async def test_keys_wait_for_an_entry_that_is_shown_with_the_next_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("textual.screen.UPDATE_PERIOD", 0.5)  # the keys are typed faster than frames are drawn
    hidden = Hidden()
    async with typed() as pilot:
        await pilot.app.push_screen(hidden)
        for key in "r30":
            pilot.app.post_message(Key(key, key))
        await _delivered(pilot)
        assert hidden.query_one(Input).value == "30"


async def test_held_keys_are_delivered_in_order_once_they_are_released() -> None:
    behind, ready = Behind(0, 0), False
    async with typed() as pilot:
        queue = pilot.app._key_queue
        await pilot.app.push_screen(behind)
        queue.hold()
        for key in "a", "b", "ctrl+c":
            pilot.app.post_message(Key(key, None))
        queue.release_when(lambda: ready, 600)
        await pilot.pause()
        assert behind.keys == ["ctrl+c"], "the key that leaves is not held"
        ready = True
        while queue._held:
            await asyncio.sleep(0.001)
        pilot.app.post_message(Key("c", "c"))
        await _delivered(pilot)
    assert behind.keys == ["ctrl+c", "a", "b", "c"]


async def _delivered(pilot: Pilot[None]) -> None:
    deadline = time.monotonic() + 60
    await asyncio.sleep(0)
    while pilot.app._key_queue.busy:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


async def test_has_ready_callbacks() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop._ready, deque)  # pyright: ignore[reportAttributeAccessIssue]
    assert not has_ready_callbacks(loop)
    loop.call_soon(lambda: None)
    assert has_ready_callbacks(loop)
