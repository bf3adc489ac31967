"""The inside of Textual that the hardening leans on: one test for each place, so that an upgrade says what it broke."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import textual
from rich.segment import Segment
from textual import _ansi_sequences, events
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual._xterm_parser import XTermParser
from textual.app import App
from textual.color import Color
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

from tests.ui.fake_session import FakeSession, app_over, running, screen_text, settle, until
from tui_trainer.protocol import events as ev
from tui_trainer.ui.terminal.control_filter import ControlFilter
from tui_trainer.ui.terminal.driver import MAX_COLUMNS, TerminalDriver, TerminalGone
from tui_trainer.ui.terminal.terminal_app import TerminalApp


def source(thing: Any) -> str:
    return inspect.getsource(thing)


def test_textual_is_the_version_that_was_read() -> None:
    assert textual.__version__ == "8.2.8"


def test_every_frame_goes_through_display() -> None:
    assert list(inspect.signature(App._display).parameters) == ["self", "screen", "renderable"]
    assert source(Screen).count("app._display(") == 2
    assert "_display(" not in source(Compositor)


def test_updates_are_made_of_strips() -> None:
    assert list(inspect.signature(LayoutUpdate.__init__).parameters)[1:] == ["strips", "region"]
    assert list(inspect.signature(ChopsUpdate.__init__).parameters)[1:] == ["chops", "spans", "chop_ends"]
    assert "full" in inspect.signature(Compositor.render_update).parameters


def test_frames_are_held_back_while_a_batch_is_open_or_the_application_is_not_running() -> None:
    text = source(App._display)
    for condition in ("self._batch_count", "self._running", "self._closed", "_sync_available"):
        assert condition in text or condition in source(App._begin_update)
    assert _ansi_sequences.SYNC_START == "\x1b[?2026h"


def test_the_writer_is_a_thread_with_a_queue() -> None:
    class Kept:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None: ...

    file = Kept()
    thread = WriterThread(file)  # type: ignore[arg-type]
    thread.start()
    thread.write("a")
    thread._queue.put("b", timeout=1)
    thread.stop()
    assert file.text == "ab"
    assert thread._queue.empty()


def test_the_driver_writes_to_its_file_and_reads_from_its_fileno() -> None:
    text = source(LinuxDriver)
    for part in ("WriterThread(self._file)", "self._get_terminal_size()", "self.run_input_thread()", "self.exit_event"):
        assert part in text
    for name in ("_sigtstp_application", "_sigcont_application", "suspend_application_mode", "stop_application_mode"):
        assert callable(getattr(LinuxDriver, name))
    assert "_must_signal_resume" in source(LinuxDriver.start_application_mode)


def test_line_filters_see_every_rendered_line() -> None:
    app = app_over(FakeSession())
    assert any(isinstance(found, ControlFilter) for found in app.get_line_filters())


def test_a_crash_is_kept_and_not_printed() -> None:
    assert "self._fatal_error()" in source(App._handle_exception)
    assert "_exit_renderables" in source(App._fatal_error)

    class Broken(TerminalApp[None]):
        def on_mount(self) -> None:
            raise RuntimeError("on purpose")

    async def run() -> Broken:
        app = Broken()
        await app.run_async(headless=True)
        return app

    app = asyncio.run(run())
    assert isinstance(app.crash, RuntimeError)
    assert app.return_code == 1
    assert app._exit_renderables == []


def test_stock_palette_and_keys_are_gone() -> None:
    app = app_over(FakeSession())
    assert not app.use_command_palette
    assert set(app._bindings.key_to_bindings) == {"ctrl+c", "ctrl+q", "ctrl+z"}


def test_controls_never_leave_in_a_line() -> None:
    dirty = "a\x1b]52;c;x\x07b\x9bm\u202ec\u2066\x00d\x7f\ud800"
    kept = ControlFilter().apply([Segment(dirty), Segment("ok")], Color.parse("black"))
    assert "".join(segment.text for segment in kept) == "a]52;c;xbmcdok"
    clean = [Segment("日本 ⣿")]
    assert ControlFilter().apply(clean, Color.parse("black")) is clean


class Loop:
    """Calls at once what is to be called later."""

    def call_soon_threadsafe(self, call: Callable[..., Any], *arguments: Any) -> None:
        call(*arguments)


def driver() -> tuple[TerminalDriver, list[Any]]:
    """A driver without a terminal, and the messages that it passes on."""
    made = TerminalDriver.__new__(TerminalDriver)
    passed: list[Any] = []
    made._debug = False
    made._in_band_window_resize = False
    made._loop = Loop()  # type: ignore[assignment]
    made.process_message = passed.append  # type: ignore[method-assign]
    return made, passed


RUBBISH = [
    b"\xff\xfe", b"\x1b[M\xff\xff\xff", b"\x1b[<1;2", b"\x1b[<0;999999999;1M", b"\x1b[99999999999999999999u",
    b"\x1b[1;1;1114112u", b"\x1b[57441u", b"\x1b[48;1;1;1;1t", b"\x1b[?2026;9$y", b"\x1b]52;c;x\x07", b"\x1bP\x1b\\",
    b"\x1b[200~" + b"x" * 70000, b"\x1b[201~", b"\x00\x01\x02\x7f\x80\x9b", "é日\U0001f600".encode()[:-2], b"\x1b" * 50,
    b"\x1b[" + b"1;" * 500 + b"u", b"\x1b[0:1:2:3u", b"\x1b[;;;u",
]  # fmt: skip


def test_whatever_is_typed_is_understood_or_dropped() -> None:
    made, passed = driver()
    parser = XTermParser()
    for data in RUBBISH:
        parser = made._parse(parser, data.decode("utf-8", "replace"))
    parser = XTermParser()
    parser = made._parse(parser, "q")
    assert isinstance(passed[-1], events.Key)
    assert passed[-1].key == "q"


def test_a_size_is_believed_only_from_a_terminal_that_was_asked() -> None:
    made, _ = driver()
    del made.process_message
    sent: list[Any] = []
    made._app = app_over(FakeSession())
    made.cursor_origin = None
    made._down_buttons = []
    made.send_message = sent.append  # type: ignore[method-assign]
    size = events.Resize.from_dimensions((80, 24), None)
    made.process_message(size)
    assert sent == []
    made._in_band_window_resize = True
    made.process_message(size)
    made.process_message(events.Resize.from_dimensions((MAX_COLUMNS + 1, 24), None))
    made.process_message(events.Resize.from_dimensions((0, 0), None))
    assert sent == [size]


def test_the_terminal_going_away_ends_the_screen() -> None:
    session = running()

    async def run() -> Any:
        app = app_over(session)
        async with app.run_test() as pilot:
            app.post_message(TerminalGone())
            await pilot.pause()
        return app.return_value

    result = asyncio.run(run())
    assert result.exit_code == 129
    assert session.closed == 1
    assert session.sent == []


def test_notifications_are_never_markup() -> None:
    async def run() -> None:
        app = app_over(running())
        async with app.run_test() as pilot:
            app.notify("[@click=app.quit]x[/] [/")
            await pilot.pause()
            assert [note.markup for note in app._notifications] == [False]

    asyncio.run(run())


class Slow(TerminalDriver):
    """A driver whose terminal takes nothing until it is told to."""

    ready = False

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.sent: list[str] = []

    @property
    def drained(self) -> bool:
        return self.ready

    def write(self, data: str) -> None:
        self.sent.append(data)


@contextmanager
def slow_terminal(app: TerminalApp[Any]) -> Generator[Slow]:
    """The application on a slow terminal for a while."""
    headless, slow = app._driver, Slow()
    app._driver = slow
    try:
        yield slow
    finally:
        app._driver = headless


def test_frames_are_skipped_while_the_terminal_is_behind_and_made_up_for() -> None:
    session = running()

    async def run() -> None:
        app = app_over(session)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            with slow_terminal(app) as slow:
                for _ in range(5):
                    app.screen.refresh()
                    await pilot.pause()
                assert slow.sent == []
                slow.ready = True
                app.send_pending_frame()
                app.send_pending_frame()
                assert len(slow.sent) == 1
                assert "running" in slow.sent[0]

    asyncio.run(run())


def test_what_is_seen_first_is_a_whole_screen() -> None:
    """Whichever widget was ready first."""
    session = running()

    async def run() -> None:
        app = app_over(session)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            header = app.screen.query("Header").first()
            header.refresh()
            app.screen._compositor.update_widgets({header})
            part = app.screen._compositor.render_update()
            assert isinstance(part, ChopsUpdate)
            with slow_terminal(app) as slow:
                slow.ready = True
                app._display(app.screen, part)
                assert len(slow.sent) == 1
                assert all(f"\x1b[{row};1H" in slow.sent[0] for row in range(1, 25))

    asyncio.run(run())


def test_charts_wait_for_a_terminal_that_is_behind() -> None:
    session = running()

    async def run() -> None:
        app = app_over(session)
        async with app.run_test(size=(80, 24)) as pilot:
            await settle(pilot)
            with slow_terminal(app) as slow:
                shown = screen_text(app)
                session.play(ev.StatusChanged(status="paused"))
                app.tick()
                await pilot.pause()
                assert screen_text(app) == shown
                slow.ready = True
                await until(pilot, lambda: "paused" in screen_text(app))

    asyncio.run(run())
