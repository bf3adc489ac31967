"""Captured output becomes the lines that a terminal would show."""

from __future__ import annotations

import pytest

from tui_trainer.host import output_lines
from tui_trainer.host.output_lines import OutputLines
from tui_trainer.text import terminal_line, visible_lines


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(output_lines, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[32mINFO\x1b[0m batch 3 ok", "INFO batch 3 ok"),
        ("\x1b[38;2;1;2;3mtrue\x1b[39m colour", "true colour"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://example.org\x1b\\a link\x1b]8;;\x1b\\", "a link"),
        ("\x9b1mbold\x9b0m", "bold"),
        ("\x1b(Bascii \x1b7saved\x1b8", "ascii saved"),
        ("cut off \x1b[3", "cut off "),
        ("cut off \x1b", "cut off "),
        ("10%\r20%\r30%", "30%"),
        ("10%\r20%\r", "20%"),
        ("100%|####|\r          \r", "100%|####|"),
        ("\x1b[2K\x1b[1G10%\x1b[2K\x1b[1G20%", "20%"),
        ("\r\x1b[K50%\x1b[A", "50%"),
        ("1/9\b\b\b2/9", "2/9"),
        ("|\b/\b-", "-"),
        ("ended by a carriage return\r", "ended by a carriage return"),
    ],
)
def test_a_line_reads_as_a_terminal_leaves_it(printed, shown):
    assert terminal_line(printed) == shown


def test_lines_recorded_by_earlier_versions_show_no_colour_codes_either():
    assert visible_lines("\x1b[31mred\x1b[0m\tx\r\nnext\x00") == ["red     x", "next␀"]


def test_a_progress_bar_shows_its_state_now_and_then_and_its_last_one(clock):
    lines = OutputLines()
    shown = []
    for step in range(3000):  # ten a second for five minutes
        assert lines.add(f"\r{step}/3000".encode()) == []
        shown += [(clock[0] - 100, text) for text in lines.unfinished()]
        clock[0] += 0.1
    times = [at for at, _ in shown]
    assert times == pytest.approx([1, 3, 7, 15, 31, 63, 123, 183, 243], abs=1)
    assert all(abs(int(text.split("/")[0]) - 10 * at) < 2 for at, text in shown)
    assert lines.unfinished(last=True) == ["2999/3000"]
    assert lines.unfinished(last=True) == []


def test_a_bar_that_ends_with_a_newline_is_one_line(clock):
    lines = OutputLines()
    assert lines.add(b"\r 50%|##  |\r100%|####|\nnext\n") == ["100%|####|", "next"]
    assert lines.add(b"\r100%|####|") == []
    clock[0] += 2
    assert lines.unfinished() == ["100%|####|"]
    assert lines.add(b"\n") == []  # it has been shown
    assert lines.add(b"\n") == [""]


def test_words_without_a_newline_are_shown_and_shown_whole_when_they_go_on(clock):
    lines = OutputLines()
    assert lines.add(b"epoch 1 ...") == lines.unfinished() == []
    clock[0] += 1
    assert lines.unfinished() == ["epoch 1 ..."]
    assert lines.add(b" done\n") == ["epoch 1 ... done"]
    assert lines.add(b"last words") == []
    assert lines.unfinished(last=True) == ["last words"]


def test_a_bar_without_end_takes_no_memory(clock):
    lines = OutputLines()
    for step in range(20_000):
        assert lines.add(f"\r{step} {'#' * 40}".encode()) == []
    assert len(lines._rest) < 2 * output_lines.MAX_REST
    assert lines.unfinished(last=True) == [f"19999 {'#' * 40}"]
