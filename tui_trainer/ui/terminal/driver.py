"""Textual's Linux driver, hardened against malformed input, slow or closed terminals, and stray signals."""

from __future__ import annotations

import os
import selectors
from codecs import getincrementaldecoder
from queue import Full
from typing import TYPE_CHECKING, Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from tui_trainer.ui.terminal.sequences import GIVE_TITLE_BACK, KEEP_TITLE, title_sequence
from tui_trainer.ui.terminal.tty import Tty

if TYPE_CHECKING:
    from textual.app import App

MAX_COLUMNS, MAX_ROWS = 1000, 500
"""The largest reported screen size that is accepted."""


class TerminalGone(Message):
    """Posted when the terminal has hung up."""


class TerminalDriver(LinuxDriver):
    """A driver with its own file descriptor, so that output on descriptors 1 and 2 cannot reach the screen."""

    _title = ""
    """The title that was set, empty where the terminal has its own."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.tty = Tty(getattr(app, "tty_fd", 2))
        self._file = self.tty  # pyright: ignore[reportAttributeAccessIssue]
        self._suspended = False
        self._resuming = False
        """Whether the terminal is being released only to be taken again at once."""

    @property
    def drained(self) -> bool:
        """Whether the terminal has accepted everything that was written."""
        thread = self._writer_thread
        return thread is None or (thread._queue.empty() and not self.tty.writing)  # pyright: ignore[reportPrivateUsage]

    def _get_terminal_size(self) -> tuple[int, int]:
        columns, rows = self.tty.size()
        return min(columns, MAX_COLUMNS), min(rows, MAX_ROWS)

    def process_message(self, message: Message) -> None:
        """Forward a message, except size reports that were not requested or are implausible."""
        if isinstance(message, events.Resize) and not (self._in_band_window_resize and _is_plausible(message)):
            return
        super().process_message(message)

    def run_input_thread(self) -> None:
        """Read keys until the exit event is set or the terminal hangs up."""
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        parser = XTermParser(self._debug)
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                text = ""
                if selector.select(0.1):
                    try:
                        data = os.read(self.fileno, 4096)
                    except BlockingIOError:
                        continue
                    except OSError:
                        data = b""
                    if not data:
                        self.send_message(TerminalGone())
                        return
                    text = decode(data)
                parser = self._parse(parser, text)

    def _parse(self, parser: XTermParser, text: str) -> XTermParser:
        """Turn input into messages. If the parser fails, drop the input and return a new parser."""
        try:
            # The parser reads an empty text as the end of the input.
            for message in parser.feed(text) if text else ():
                self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
        except Exception:  # noqa: BLE001 - no input may end the screen
            fresh = XTermParser(self._debug)
            fresh.mouse_pixels = parser.mouse_pixels
            fresh.terminal_size, fresh.terminal_pixel_size = parser.terminal_size, parser.terminal_pixel_size
            return fresh
        return parser

    def _sigtstp_application(self, *_: object) -> None:
        # The handler may interrupt the writer's queue while it is locked, so the loop does the work.
        self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._handle_sigcont)

    def _handle_sigcont(self) -> None:
        if self._suspended:
            super()._sigcont_application()
            return
        # After SIGSTOP the modes were never restored: without this, a second reader and writer would start.
        # The terminal's own modes stay as they are meanwhile: a key would be echoed onto the screen.
        before, self.attrs_before = self.attrs_before, None
        self._must_signal_resume = self._resuming = True
        self.suspend_application_mode()
        self._resuming = False
        super()._sigcont_application()
        self.attrs_before = before

    def disable_input(self) -> None:
        """Stop reading keys. Unread input is discarded, except if the driver resumes at once."""
        if not self._resuming:
            super().disable_input()
        elif self._key_thread is not None:
            self.exit_event.set()
            self._key_thread.join()
            self.exit_event.clear()

    def suspend_application_mode(self) -> None:
        """Release the terminal until `resume_application_mode`."""
        self._suspended = True
        super().suspend_application_mode()

    def resume_application_mode(self) -> None:
        """Take the terminal again."""
        self._suspended = False
        super().resume_application_mode()
        if self._title:
            self.write(KEEP_TITLE + title_sequence(self._title))

    def stop_application_mode(self) -> None:
        """Restore the terminal, and switch off every mode that may be on."""
        super().stop_application_mode()
        self.write("\x1b[?1016l\x1b[?2026l\x1b[0m" + (GIVE_TITLE_BACK if self._title else ""))

    def set_title(self, text: str) -> None:
        """Set the title of the terminal, whose own comes back when it is released."""
        self.write(("" if self._title else KEEP_TITLE) + title_sequence(text))
        self._title = text

    def write(self, data: str) -> None:
        """Queue text for the writer. If the terminal accepts nothing for 1 s, drop the text and repaint later."""
        thread = self._writer_thread
        if thread is not None and thread.is_alive():
            try:
                thread._queue.put(data, timeout=1.0)  # pyright: ignore[reportPrivateUsage]
            except Full:
                self._app.call_later(getattr(self._app, "repaint", lambda: None))

    def close(self) -> None:
        """Let the writer finish, for at most 1 s."""
        thread = self._writer_thread
        if thread is None:
            return
        try:
            thread._queue.put(None, timeout=1.0)  # pyright: ignore[reportPrivateUsage]
        except Full:
            return
        thread.join(1.0)


def _is_plausible(message: events.Resize) -> bool:
    return 0 < message.size.width <= MAX_COLUMNS and 0 < message.size.height <= MAX_ROWS
