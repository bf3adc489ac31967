"""Keys that arrive together, let in one by one.

Textual hands a printable key to the focused widget at once, while a key that is bound travels up to the application
first, and what it causes travels after it: a message, the message that this one causes, a screen that is taken away.
Where a slow line delivers "backspace 5 enter p" in one piece, the 5 would be typed before anything is deleted, and what
is meant for the screen behind a dialog would go to the dialog.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

from textual import events

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

PATIENCE = 2.0
"""Seconds after which the next key is let in although there is always something left to do."""


class KeyQueue:
    """Keys wait here until the one before has had its effect: until the event loop has nothing left to do.

    However many messages an effect takes, each is something that can be done at once; only when none is left is the
    screen there that the next key is to get.

    Args:
        app: where the keys go.
        deliver: lets one key in.
    """

    def __init__(self, app: App[Any], deliver: Callable[[events.Key], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._waiting: deque[events.Key] = deque()
        self._under_way = False

    @property
    def busy(self) -> bool:
        """Whether a key waits, or has not come through yet."""
        return bool(self._waiting) or self._under_way

    async def put(self, key: events.Key) -> None:
        """A key has been pressed."""
        self._waiting.append(key)
        if not self._under_way:
            await self._next()

    async def _next(self) -> None:
        self._under_way = bool(self._waiting)
        if self._waiting:
            screen = self._app.screen
            await self._deliver(self._waiting.popleft())
            asyncio.get_running_loop().call_soon(self._look, screen, monotonic())

    def _look(self, screen: Screen[Any], since: float) -> None:
        """Let the next key in if nothing is left to do, as soon as what this one opened can be typed into."""
        loop = asyncio.get_running_loop()
        stack = self._app.screen_stack
        if not stack:
            return  # the key ended the application
        if something_to_do(loop) and monotonic() - since < PATIENCE:
            loop.call_soon(self._look, screen, since)
        elif stack[-1] is screen:
            self._app.call_later(self._next)
        else:
            stack[-1].call_after_refresh(self._next)


def something_to_do(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether anything but the caller can run now, without waiting for a timer, a file or another thread."""
    return bool(getattr(loop, "_ready", ()))
