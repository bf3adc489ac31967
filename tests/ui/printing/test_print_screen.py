"""A screen as text: the same that a terminal would show, without one, and without a word to the run."""

from __future__ import annotations

import re

import pytest

from tests.ui.fake_session import FakeSession, finished, running, started
from tui_trainer.errors import UserError
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import ANSWERS, Answers, Sample, taken
from tui_trainer.text import cell_width
from tui_trainer.ui.printing.print_screen import print_screen
from tui_trainer.ui.printing.request import RUN_SCREENS, ScreenRequest
from tui_trainer.ui.settings import Settings


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch):
    for name in ("TERM", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def printed(session, **request):
    lines = print_screen(session, ScreenRequest(**request))
    return "\n".join(lines)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (140, 40), (40, 12)])
def test_a_live_run_is_printed_at_the_size_asked_for_and_left_training(width, height):
    session = running()
    lines = print_screen(session, ScreenRequest(width, height))
    assert len(lines) == height
    assert max(map(cell_width, lines)) <= width
    assert max(map(cell_width, lines)) > width - 8
    assert "digits" in lines[0]
    assert session.sent == []
    assert session.closed == 1


def test_plain_text_holds_no_control_character():
    session = FakeSession("evil\x1b[31m\x07")
    session.play(started("a\x1b]0;owned\x07b"), ev.StatusChanged(status="running", step=1))
    session.play(ev.Scalars(step=1, steps=[1], seconds=[0.1], values={"train_loss": [2.0]}))
    text = printed(session)
    assert "evil" in text
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)


@pytest.mark.parametrize(
    ("screen", "holds"),
    [
        ("charts", "1 loss"),
        ("findings", "findings 0"),
        ("layers", "second"),
        ("answers", "Nothing was asked yet"),
        ("leaderboard", "leaderboard by val"),
        ("events", "everything"),
        ("runs", "side by side"),
        ("help", "type to filter"),
    ],
)
def test_each_screen_is_opened_by_its_name(screen, holds):
    assert screen in RUN_SCREENS
    assert holds in printed(running("first", "other"), screen=screen)


def test_a_run_without_that_screen_is_refused_with_the_reason():
    with pytest.raises(UserError, match="--screen lesson: this run has no lesson"):
        printed(running(), screen="lesson")


def test_colours_are_printed_only_when_asked_for(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert "\x1b[" not in printed(running())
    colored = printed(running(), color=True)
    assert "\x1b[" in colored
    assert re.search(r"38;2;\d+;\d+;\d+", colored)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", colored)
    assert [line.rstrip() for line in plain.splitlines()] == printed(running()).splitlines()


def test_ascii_where_the_output_takes_nothing_else():
    text = "\n".join(print_screen(running(), ScreenRequest(), settings=Settings(ascii=True)))
    assert text.isascii()


def test_a_session_that_cannot_be_opened_is_the_reason():
    def fails():
        raise UserError("no such host")

    with pytest.raises(UserError, match="no such host"):
        printed(fails)


def test_it_waits_for_the_first_step_and_no_longer_for_a_run_that_is_over():
    late = FakeSession()
    drain, calls = late.drain, []

    def drain_later():
        calls.append(None)
        if len(calls) == 4:
            late.play(started(), ev.StatusChanged(status="running"))
            late.play(ev.Scalars(step=1, steps=[1], seconds=[0.1], values={"train_loss": [2.25]}))
        return drain()

    late.drain = drain_later
    assert "2.25" in printed(late)
    over = FakeSession()
    over.play(started(), finished("failed", "no data"))
    assert "no data" in printed(over)


def test_images_are_shades_where_no_colours_are_printed():
    session = running()
    sample = Sample(index=7, true="6", guess="5", sure=0.71, wrong=1.9, image=((1.0, 0.0), (1.0, 0.0)))
    drawing = Answers(task="classification", measure="-ln p", count=1, worst=(sample,))
    session.play(taken(ANSWERS, drawing, {"accuracy": 0.0}, step=200, epoch=4))
    text = printed(session, screen="answers", width=80, height=50)
    assert "#7 is 6" in text
    assert "▀" not in text
    assert "\n █\n" in text
