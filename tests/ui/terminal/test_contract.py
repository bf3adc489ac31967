"""Contract tests: one for each private part of Textual that the terminal modules use."""

from __future__ import annotations

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


def test_textual_has_the_pinned_version() -> None:
    assert textual.__version__.startswith("8.2.")


def test_app_display_receives_every_frame() -> None:
    assert list(inspect.signature(App._display).parameters) == ["self", "screen", "renderable"]
    assert source(Screen).count("app._display(") == 2
    assert "_display(" not in source(Compositor)


def test_compositor_updates_contain_strips() -> None:
    assert list(inspect.signature(LayoutUpdate.__init__).parameters)[1:] == ["strips", "region"]
    assert list(inspect.signature(ChopsUpdate.__init__).parameters)[1:] == ["chops", "spans", "chop_ends"]
    assert "full" in inspect.signature(Compositor.render_update).parameters


def test_app_display_checks_batches_and_the_running_state() -> None:
    text = source(App._display)
    for condition in ("self._batch_count", "self._running", "self._closed", "_sync_available"):
        assert condition in text or condition in source(App._begin_update)
    assert _ansi_sequences.SYNC_START == "\x1b[?2026h"


def test_the_writer_thread_has_a_queue() -> None:
    class Recorder:
        text = ""

        def write(self, text: str) -> None:
            self.text += text

        def flush(self) -> None: ...

    file = Recorder()
    thread = WriterThread(file)  # type: ignore[arg-type]
    thread.start()
    thread.write("a")
    thread._queue.put("b", timeout=1)
    thread.stop()
    assert file.text == "ab"
    assert thread._queue.empty()


def test_linux_driver_hooks_exist() -> None:
    text = source(LinuxDriver)
    for part in ("WriterThread(self._file)", "self._get_terminal_size()", "self.run_input_thread()", "self.exit_event"):
        assert part in text
    for name in ("_sigtstp_application", "_sigcont_application", "suspend_application_mode", "stop_application_mode"):
        assert callable(getattr(LinuxDriver, name))
    assert "_must_signal_resume" in source(LinuxDriver.start_application_mode)


def test_the_control_filter_is_installed() -> None:
    app = app_over(FakeSession())
    assert any(isinstance(found, ControlFilter) for found in app.get_line_filters())


async def test_a_crash_is_kept_and_not_printed() -> None:
    assert "self._fatal_error()" in source(App._handle_exception)
    assert "_exit_renderables" in source(App._fatal_error)

    class Broken(TerminalApp[None]):
        def on_mount(self) -> None:
            raise RuntimeError("on purpose")

    app = Broken()
    await app.run_async(headless=True)
    assert isinstance(app.crash, RuntimeError)
    assert app.return_code == 1
    assert app._exit_renderables == []


def test_textuals_palette_and_keys_are_off() -> None:
    app = app_over(FakeSession())
    assert not app.use_command_palette
    assert set(app._bindings.key_to_bindings) == {"ctrl+c", "ctrl+q", "ctrl+z"}


def test_the_control_filter_removes_controls() -> None:
    dirty = "a\x1b]52;c;x\x07b\x9bm\u202ec\u2066\x00d\x7f\ud800"
    kept = ControlFilter().apply([Segment(dirty), Segment("ok")], Color.parse("black"))
    assert "".join(segment.text for segment in kept) == "a]52;c;xbmcdok"
    clean = [Segment("日本 ⣿")]
    assert ControlFilter().apply(clean, Color.parse("black")) is clean


class ImmediateLoop:
    """An event loop that runs callbacks at once."""

    def call_soon_threadsafe(self, call: Callable[..., Any], *arguments: Any) -> None:
        call(*arguments)


def driver() -> tuple[TerminalDriver, list[Any]]:
    """A driver without a terminal, and the messages that it forwards."""
    made = TerminalDriver.__new__(TerminalDriver)
    passed: list[Any] = []
    made._debug = False
    made._in_band_window_resize = False
    made._loop = ImmediateLoop()  # type: ignore[assignment]
    made.process_message = passed.append  # type: ignore[method-assign]
    return made, passed


MALFORMED = [
    b"\xff\xfe", b"\x1b[M\xff\xff\xff", b"\x1b[<1;2", b"\x1b[<0;999999999;1M", b"\x1b[99999999999999999999u",
    b"\x1b[1;1;1114112u", b"\x1b[57441u", b"\x1b[48;1;1;1;1t", b"\x1b[?2026;9$y", b"\x1b]52;c;x\x07", b"\x1bP\x1b\\",
    b"\x1b[200~" + b"x" * 70000, b"\x1b[201~", b"\x00\x01\x02\x7f\x80\x9b", "é日\U0001f600".encode()[:-2], b"\x1b" * 50,
    b"\x1b[" + b"1;" * 500 + b"u", b"\x1b[0:1:2:3u", b"\x1b[;;;u",
]  # fmt: skip


def test_malformed_input_is_dropped() -> None:
    made, passed = driver()
    parser = XTermParser()
    for data in MALFORMED:
        parser = made._parse(parser, data.decode("utf-8", "replace"))
    parser = XTermParser()
    parser = made._parse(parser, "q")
    assert isinstance(passed[-1], events.Key)
    assert passed[-1].key == "q"


def test_size_reports_are_accepted_only_if_requested_and_plausible() -> None:
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


async def test_a_closed_terminal_ends_the_screen() -> None:
    session = running()
    app = app_over(session)
    async with app.run_test() as pilot:
        app.post_message(TerminalGone())
        await pilot.pause()
    assert app.return_value.exit_code == 129
    assert session.closed == 1
    assert session.sent == []


async def test_notifications_are_not_markup() -> None:
    app = app_over(running())
    async with app.run_test() as pilot:
        app.notify("[@click=app.quit]x[/] [/")
        await pilot.pause()
        assert [note.markup for note in app._notifications] == [False]


class SlowDriver(TerminalDriver):
    """A driver whose terminal accepts nothing until `ready`."""

    ready = False

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.sent: list[str] = []

    @property
    def drained(self) -> bool:
        return self.ready

    def write(self, data: str) -> None:
        self.sent.append(data)


@contextmanager
def slow_terminal(app: TerminalApp[Any]) -> Generator[SlowDriver]:
    """Put the application on a slow terminal inside the context."""
    headless, slow = app._driver, SlowDriver()
    app._driver = slow
    try:
        yield slow
    finally:
        app._driver = headless


async def test_frames_are_skipped_on_a_slow_terminal_and_sent_later() -> None:
    session = running()
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


async def test_the_first_frame_is_a_full_screen() -> None:
    """A partial update of one widget is replaced by the full screen."""
    session = running()
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


async def test_charts_are_not_drawn_on_a_slow_terminal() -> None:
    session = running()
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
