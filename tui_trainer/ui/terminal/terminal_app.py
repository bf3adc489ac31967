"""The base application: sends only changed cells, skips frames on a slow terminal, and keeps crashes for a report."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Generic, TypeVar

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, RenderableType
from textual import events, on
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.filter import Monochrome, NoColor
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tui_trainer.ui.color_depth import ColorDepth
from tui_trainer.ui.terminal.control_filter import ControlFilter
from tui_trainer.ui.terminal.driver import TerminalDriver
from tui_trainer.ui.terminal.frames import Frames
from tui_trainer.ui.terminal.key_queue import KeyQueue

Result = TypeVar("Result")


class TerminalApp(App[Result], Generic[Result], inherit_bindings=False):
    """Textual's application, extended for slow terminals, untrusted text and terminals that hang up."""

    ENABLE_COMMAND_PALETTE = False  # Textual's palette fails under random keys; the dashboard has one for its actions
    NOTIFICATION_TIMEOUT = 6.0

    def __init__(self, *, tty_fd: int = 2, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.tty_fd = tty_fd
        """File descriptor of the terminal."""
        self.color_depth: ColorDepth = "full"
        """The colours that the terminal can show."""
        self.crash: Exception | None = None
        """The unexpected exception that ended the application, None otherwise."""
        self._filters.append(ControlFilter())
        self._frames = Frames(COLOR_SYSTEMS.get(self.console.color_system or ""))
        self._frame_pending = False
        self._drawn = False
        self._key_queue = KeyQueue(self, super().on_event)

    def limit_colors(self, depth: ColorDepth) -> None:
        """Send only colours that the terminal shows."""
        systems = {"16": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "full": ColorSystem.TRUECOLOR}
        self.color_depth = depth
        if depth in systems:
            self._frames = Frames(systems[depth])
            # Textual takes an empty NO_COLOR for one that is set.
            self.no_color = self.no_color and bool(os.environ.get("NO_COLOR"))
            if not self.no_color:
                self._filters = [each for each in self._filters if not isinstance(each, (Monochrome, NoColor))]

    async def on_event(self, event: events.Event) -> None:
        """Handle an event; keys go through the key queue."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._key_queue.put(event)
        else:
            await super().on_event(event)

    def get_driver_class(self) -> type[Driver]:
        """Return the hardened driver."""
        return TerminalDriver

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the running application, None before and after."""
        return self._loop

    @property
    def drained(self) -> bool:
        """Whether the terminal has accepted everything; frames are skipped while it has not."""
        return not isinstance(self._driver, TerminalDriver) or self._driver.drained

    @property
    def drawn(self) -> bool:
        """Whether a first frame has been sent."""
        return not isinstance(self._driver, TerminalDriver) or self._drawn

    @property
    def gone(self) -> bool:
        """Whether the terminal has hung up."""
        return isinstance(self._driver, TerminalDriver) and self._driver.tty.gone

    @property
    def bytes_sent(self) -> int:
        """Bytes written to the terminal so far."""
        return self._driver.tty.sent if isinstance(self._driver, TerminalDriver) else 0

    def send_pending_frame(self) -> None:
        """Draw a skipped frame once the terminal has caught up."""
        if self._frame_pending and self.drained:
            self._frame_pending = False
            self._display(self.screen, self._full_update(self.screen))

    def set_title(self, text: str) -> None:
        """Set the title of the terminal."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.set_title(text)

    def send_sequence(self, sequence: str) -> None:
        """Send a control sequence that changes no cell, such as the bell."""
        if isinstance(self._driver, TerminalDriver):
            self._driver.write(sequence)

    def _full_update(self, screen: Screen[Any]) -> RenderableType | None:
        stack = self._background_screens
        return screen._compositor.render_update(full=True, screen_stack=stack)  # pyright: ignore[reportPrivateUsage]

    def repaint(self) -> None:
        """Send the full screen again, because another program may have written on it."""
        self._frames.forget()
        self._frame_pending = True
        self.send_pending_frame()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if isinstance(driver, TerminalDriver) and not self._drawn and isinstance(renderable, CompositorUpdate):
            renderable = self._full_update(screen)  # one widget may be ready before the others
        if not isinstance(driver, TerminalDriver) or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if self._batch_count or not self._running or self._closed:
            return
        if not driver.drained:
            self._frame_pending = True
            return
        try:
            changes = self._frames.update(renderable, *self.size)
        except Exception as error:  # noqa: BLE001 - as in Textual: a failing frame ends the application cleanly
            self._handle_exception(error)
            return
        if changes:
            self._drawn = True
            cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
            frame = f"{changes}\x1b[{cursor.y + 1};{cursor.x + 1}H"
            driver.write(f"{SYNC_START}{frame}{SYNC_END}" if self._sync_available else frame)
        self.post_display_hook()

    def _handle_exception(self, error: Exception) -> None:
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # After the terminal is restored, the user sees one line; the traceback goes to a file.
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End the application without printing over the terminal while it is being restored."""
        self._close_messages_no_wait()

    @on(Driver.SignalResume)
    def _back_from_suspension(self) -> None:
        self.repaint()

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a notification. Its text is parsed as markup only if requested."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
