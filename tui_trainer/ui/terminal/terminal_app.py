"""An application that keeps its terminal: frames are diffed and skipped, failures are kept, foreign text is inert."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, TypeVar

from rich.console import COLOR_SYSTEMS, RenderableType
from textual import events, on
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.driver import Driver
from textual.notifications import SeverityLevel
from textual.screen import Screen

from tui_trainer.ui.terminal.control_filter import ControlFilter
from tui_trainer.ui.terminal.driver import TerminalDriver
from tui_trainer.ui.terminal.frames import Frames
from tui_trainer.ui.terminal.key_queue import KeyQueue

Result = TypeVar("Result")


class TerminalApp(App[Result], Generic[Result], inherit_bindings=False):
    """What Textual's application lacks for a terminal that is slow, hostile, or about to go away."""

    ENABLE_COMMAND_PALETTE = False  # Textual's own breaks under random keys; the screen has one over its action table
    NOTIFICATION_TIMEOUT = 6.0

    def __init__(self, *, tty_fd: int = 2, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.tty_fd = tty_fd
        """The descriptor that is drawn on."""
        self.crash: Exception | None = None
        """What ended the application, where something unforeseen did."""
        self._filters.append(ControlFilter())
        self._frames = Frames(COLOR_SYSTEMS.get(self.console.color_system or ""))
        self._frame_owed = False
        self._drawn = False
        self._key_line = KeyQueue(self, super().on_event)

    async def on_event(self, event: events.Event) -> None:
        """Handle an event; keys one by one."""
        if isinstance(event, events.Key) and not event.is_forwarded:
            await self._key_line.put(event)
        else:
            await super().on_event(event)

    def get_driver_class(self) -> type[Driver]:
        """The hardened driver."""
        return TerminalDriver

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that the application runs in, None before and after."""
        return self._loop

    @property
    def drained(self) -> bool:
        """Whether the terminal has taken everything; where not, frames are skipped."""
        return not isinstance(self._driver, TerminalDriver) or self._driver.drained

    @property
    def drawn(self) -> bool:
        """Whether the terminal has been sent anything to see."""
        return not isinstance(self._driver, TerminalDriver) or self._drawn

    @property
    def gone(self) -> bool:
        """Whether the terminal has hung up."""
        return isinstance(self._driver, TerminalDriver) and self._driver.tty.gone

    @property
    def bytes_sent(self) -> int:
        """Bytes written to the terminal so far."""
        return self._driver.tty.sent if isinstance(self._driver, TerminalDriver) else 0

    def pay_frame(self) -> None:
        """Draw what was skipped, once the terminal has caught up."""
        if self._frame_owed and self.drained:
            self._frame_owed = False
            self._display(self.screen, self._whole(self.screen))

    def _whole(self, screen: Screen[Any]) -> RenderableType | None:
        stack = self._background_screens
        return screen._compositor.render_update(full=True, screen_stack=stack)  # pyright: ignore[reportPrivateUsage]

    def repaint(self) -> None:
        """Send the whole screen again: something else may have written on it."""
        self._frames.forget()
        self._frame_owed = True
        self.pay_frame()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if isinstance(driver, TerminalDriver) and not self._drawn and isinstance(renderable, CompositorUpdate):
            renderable = self._whole(screen)  # one widget may be ready before the others
        if not isinstance(driver, TerminalDriver) or not isinstance(renderable, CompositorUpdate):
            super()._display(screen, renderable)
            return
        if self._batch_count or not self._running or self._closed:
            return
        if not driver.drained:
            self._frame_owed = True
            return
        try:
            changes = self._frames.update(renderable, *self.size)
        except Exception as error:  # noqa: BLE001 - as in Textual: a frame that cannot be drawn ends the application in order
            self._handle_exception(error)
            return
        if changes:
            self._drawn = True
            place = self.screen.outer_size.clamp_offset(self.cursor_position)
            frame = f"{changes}\x1b[{place.y + 1};{place.x + 1}H"
            driver.write(f"{SYNC_START}{frame}{SYNC_END}" if self._sync_available else frame)
        self.post_display_hook()

    def _handle_exception(self, error: Exception) -> None:
        self.crash = self.crash or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        # The traceback goes to a file and one line to the person, after the terminal is back.
        self._close_messages_no_wait()

    def panic(self, *renderables: RenderableType) -> None:
        """End; nothing is printed over a terminal that is being put back."""
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
        """Show a notification. Its text is never read as markup unless that is asked for."""
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)
