"""Keys that arrive together, let in one by one.

Textual hands a printable key to the focused widget at once, while a key that is bound travels up to the application
first. Where a slow line delivers "backspace 5 enter" in one piece, the 5 is typed before anything is deleted, and what
was meant for a dialog that is just opening goes to the screen behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual import events

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump
    from textual.screen import Screen

ROUNDS = 2
"""Times that the way of a key is walked behind it: once for the key, once for the message that it may have caused."""
PATIENCE = 0.5
"""Seconds after which a key that has not come through is no longer waited for."""
LOOK = 0.01
"""Seconds between two looks whether what the key was for is gone, and with it who would have told."""


class KeyLine:
    """Keys wait here until the one before has had its effect.

    Args:
        app: where the keys go.
        deliver: lets one key in.
    """

    def __init__(self, app: App[Any], deliver: Callable[[events.Key], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._waiting: deque[events.Key] = deque()
        self._under_way = 0
        """Which key is under way, 0 where none is."""
        self._count = 0

    @property
    def busy(self) -> bool:
        """Whether a key waits, or has not come through yet."""
        return bool(self._waiting or self._under_way)

    async def put(self, key: events.Key) -> None:
        """A key has been pressed."""
        self._waiting.append(key)
        if not self._under_way:
            await self._next()

    async def _next(self) -> None:
        if not self._waiting:
            self._under_way = 0
            return
        self._count += 1
        self._under_way = self._count
        screen = self._app.screen
        way: list[MessagePump] = [*(self._app.focused or screen).ancestors_with_self]
        await self._deliver(self._waiting.popleft())
        self._hop(self._under_way, screen, way * ROUNDS, 0)
        self._look(self._under_way, screen, monotonic())

    def _hop(self, number: int, screen: Screen[Any], way: list[MessagePump], place: int) -> None:
        """Queue up behind the key at each node on its way."""
        while place < len(way):
            if way[place].call_later(self._hop, number, screen, way, place + 1):
                return
            place += 1  # this one has been closed
        self._through(number, screen)

    def _look(self, number: int, screen: Screen[Any], since: float) -> None:
        """A dialog that closes takes along who stood behind the key."""
        if self._under_way != number:
            return
        if self._app.screen is not screen or monotonic() - since > PATIENCE:
            self._through(number, screen)
        else:
            self._app.set_timer(LOOK, partial(self._look, number, screen, since))

    def _through(self, number: int, screen: Screen[Any]) -> None:
        """The key has had its effect: the next one, as soon as what it opened can be typed into."""
        if self._under_way != number:
            return
        self._under_way = -1
        if self._app.screen is screen:
            self._app.call_later(self._next)
        else:
            self._app.screen.call_after_refresh(self._next)
