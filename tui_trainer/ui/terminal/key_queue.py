"""A queue that delivers keys one at a time, each after the effects of the previous one.

Textual passes a printable key to the focused widget at once, while a bound key first bubbles up to the application and
then posts messages, which post further messages or close a screen. If a slow line delivers "backspace 5 enter p" in one
read, the 5 would be typed before the backspace deletes, and the p, meant for the screen behind a dialog, would go to
the dialog.
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

MAX_WAIT = 2.0
"""Seconds after which the next key is delivered even if the event loop is still busy."""


class KeyQueue:
    """Keys in order of arrival. Each waits until the event loop has no callback ready.

    Every message that a key causes is a ready callback, however long the chain; when none is left, the screen that the
    next key belongs to is in place.

    Args:
        app: the application that receives the keys.
        deliver: handles one key.
    """

    def __init__(self, app: App[Any], deliver: Callable[[events.Key], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._waiting: deque[events.Key] = deque()
        self._delivering = False

    @property
    def busy(self) -> bool:
        """Whether a key is waiting or still taking effect."""
        return bool(self._waiting) or self._delivering

    async def put(self, key: events.Key) -> None:
        """Add a pressed key, and deliver it if no other key is in progress."""
        self._waiting.append(key)
        if not self._delivering:
            await self._next()

    async def _next(self) -> None:
        self._delivering = bool(self._waiting)
        if self._waiting:
            screen = self._app.screen
            await self._deliver(self._waiting.popleft())
            asyncio.get_running_loop().call_soon(self._deliver_when_idle, screen, monotonic())

    def _deliver_when_idle(self, screen: Screen[Any], since: float) -> None:
        """Deliver the next key once the loop is idle and a newly opened screen accepts input."""
        loop = asyncio.get_running_loop()
        stack = self._app.screen_stack
        if not stack:
            return  # the key ended the application
        if has_ready_callbacks(loop) and monotonic() - since < MAX_WAIT:
            loop.call_soon(self._deliver_when_idle, screen, since)
        elif stack[-1] is screen:
            self._app.call_later(self._next)
        else:
            stack[-1].call_after_refresh(self._next)


def has_ready_callbacks(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the loop has callbacks to run now, without waiting for a timer, a file or another thread."""
    return bool(getattr(loop, "_ready", ()))
