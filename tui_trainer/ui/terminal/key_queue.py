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
MAX_HOLD = 0.5
"""Seconds that keys are held after the screen that they are for has been opened."""
CHECK = 0.005
"""Seconds between two checks whether a frame has been drawn, or held keys can be delivered."""
NEVER_HELD = frozenset({"ctrl+c", "ctrl+q", "ctrl+z"})
"""Keys that are delivered although the others are held: they leave the application."""


class KeyQueue:
    """Keys in order of arrival. Each waits until the event loop has no callback ready.

    Every message that a key causes is a ready callback, however long the chain; when none is left, the screen that the
    next key belongs to is in place. What a key leaves for after the next frame, such as the focus of an entry that has
    yet to be laid out, is waited for too.

    Args:
        app: the application that receives the keys.
        deliver: handles one key.
    """

    def __init__(self, app: App[Any], deliver: Callable[[events.Key], Awaitable[None]]) -> None:
        self._app = app
        self._deliver = deliver
        self._waiting: deque[events.Key] = deque()
        self._delivering = self._held = False

    @property
    def busy(self) -> bool:
        """Whether a key is waiting or still taking effect; a held one is neither."""
        return self._delivering or (bool(self._waiting) and not self._held)

    def hold(self) -> None:
        """Keep the keys pressed from now on until `release_when`: the screen that they are for is not open yet."""
        self._held = True

    def release_when(self, ready: Callable[[], bool], seconds: float = MAX_HOLD) -> None:
        """Deliver the keys that were held, and those to come, once `ready` is true or some seconds have passed."""
        self._check_release(ready, monotonic() + seconds)

    def _check_release(self, ready: Callable[[], bool], latest: float) -> None:
        if not self._app.screen_stack:
            return  # the application has ended
        if not ready() and monotonic() < latest:
            asyncio.get_running_loop().call_later(CHECK, self._check_release, ready, latest)
            return
        self._held = False
        if self._waiting and not self._delivering:
            self._delivering = True
            self._app.call_later(self._next)

    async def put(self, key: events.Key) -> None:
        """Add a pressed key, and deliver it if no other key is in progress."""
        if self._held:
            if key.key in NEVER_HELD:
                await self._deliver(key)
            else:
                self._waiting.append(key)
            return
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
        """Deliver the next key once the loop is idle, after the frame that a new screen or entry waits for."""
        loop = asyncio.get_running_loop()
        stack = self._app.screen_stack
        if not stack:
            return  # the key ended the application
        top = stack[-1]
        if monotonic() - since >= MAX_WAIT:
            self._app.call_later(self._next)
        elif has_ready_callbacks(loop):
            loop.call_soon(self._deliver_when_idle, screen, since)
        elif top._callbacks or (top is not screen and has_drawing_left(top)):  # pyright: ignore[reportPrivateUsage]
            loop.call_later(CHECK, self._deliver_when_idle, screen, since)
        else:
            self._app.call_later(self._next)


def has_ready_callbacks(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the loop has callbacks to run now, without waiting for a timer, a file or another thread."""
    return bool(getattr(loop, "_ready", ()))


def has_drawing_left(screen: Screen[Any]) -> bool:
    """Return whether a layout, a change or a callback after a drawing still waits for the next frame of a screen."""
    return bool(
        screen._layout_required  # pyright: ignore[reportPrivateUsage]
        or screen._scroll_required  # pyright: ignore[reportPrivateUsage]
        or screen._repaint_required  # pyright: ignore[reportPrivateUsage]
        or screen._recompose_required  # pyright: ignore[reportPrivateUsage]
        or screen._dirty_widgets  # pyright: ignore[reportPrivateUsage]
        or screen._callbacks  # pyright: ignore[reportPrivateUsage]
    )
