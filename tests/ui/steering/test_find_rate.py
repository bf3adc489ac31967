"""The search for a learning rate on the screen: price, curve, mark, and the rate that is set."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import FakeSession, app_over, play, press, running, screen_text, until
from tui_trainer.engine.trying.rate_marks import NOISE
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.describe import describe
from tui_trainer.ui.charts.model import MarkerLine
from tui_trainer.ui.steering.rate_chart import plain_rate_chart, rate_chart

RATES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
FOUND = ev.RateFound(
    steps=6, seconds=0.5, bytes=2_000_000, lr=1e-3, rates=RATES, losses=[2.0, 2.0, 1.5, 0.5, 9.0],
    smoothed=[2.0, 2.0, 1.5, 0.5, 9.0], proposed=5e-3, steepest=1e-3, tenth=2e-3,
)  # fmt: skip
UNCLEAR = FOUND.model_copy(update={"proposed": None, "steepest": None, "tenth": None, "unclear": "it is flat"})
PRICE = ev.RateFound(steps=100, seconds=9.0, bytes=2_000_000, priced=True)


def answering(found: ev.RateFound) -> FakeSession:
    session = running()

    def reply(command: cmd.AnyCommand) -> ev.AnyEvent | None:
        if not isinstance(command, cmd.FindRate):
            return None
        return (PRICE if command.price else found).model_copy(update={"cause": command})

    session.reply = reply
    return session


@pytest.mark.parametrize(
    ("keys", "rate"),
    [
        ((), 1e-2),
        (("right",), 1e-1),
        (("left", "left"), 1e-4),
        (("t",), 1e-3),
        (("s", "right", "p"), 1e-2),
    ],
)
def test_the_price_is_said_first_and_enter_sets_the_marked_rate(keys: tuple[str, ...], rate: float) -> None:
    session = answering(FOUND)
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o")
        await press(pilot, "f")
        await until(pilot, lambda: "100 steps, about 9.0 s, a copy of 2.0 MB" in screen_text(app))
        assert [command for command in session.sent if isinstance(command, cmd.FindRate) and not command.price] == []
        await press(pilot, "enter")
        await until(pilot, lambda: "s steepest 0.001" in screen_text(app))
        for key in keys:
            await press(pilot, key)
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(session.sent[-1], cmd.SetLearningRate))

    play(app, script)
    assert session.last(cmd.SetLearningRate).value == rate


def test_no_clear_rate_is_said_and_escape_sends_nothing_more() -> None:
    session = answering(UNCLEAR)
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o")
        await press(pilot, "f")
        await until(pilot, lambda: "100 steps, about" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "no clear rate: it is flat" in screen_text(app))
        await press(pilot, "escape")

    play(app, script)
    assert [command.type for command in session.sent] == ["FindRate", "FindRate"]


def test_a_refusal_is_said_in_the_dialog() -> None:
    session = running()
    session.reply = lambda command: ev.Refused(reason="all epochs are trained", cause=command)
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o")
        await press(pilot, "f")
        await until(pilot, lambda: "the run refused" in screen_text(app))

    play(app, script)


def test_the_chart_has_the_marks_at_their_rates_and_the_curve_as_text() -> None:
    lines = [layer for layer in rate_chart(FOUND, 1e-4, 80, 18).layers if isinstance(layer, MarkerLine)]
    assert {line.letter: round(line.x, 3) for line in lines} == {"p": -2.301, "s": -3.0, "t": -2.699, "v": -4.0}
    text = plain_rate_chart(FOUND)
    assert "p proposed 0.005" in text
    assert "t minimum/10 0.002" in text
    assert "no clear rate" in plain_rate_chart(UNCLEAR)


def test_a_search_of_an_earlier_version_has_no_proposed_rate() -> None:
    known = FOUND.model_copy(update={"proposed": None})
    assert describe(known) == "learning rate: steepest descent at 0.001, a tenth of the minimum 0.002"
    assert "p proposed" not in plain_rate_chart(known)


def test_a_low_terminal_shows_the_keys_below_a_long_reason() -> None:
    session = answering(UNCLEAR.model_copy(update={"unclear": NOISE}))
    app = app_over(session)

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "o")
        await press(pilot, "f")
        await until(pilot, lambda: "100 steps" in screen_text(app))
        await press(pilot, "enter")
        await until(pilot, lambda: "loss by rate" in screen_text(app))
        await until(pilot, lambda: "enter set" in screen_text(app) and "esc leave" in screen_text(app))

    play(app, script, size=(40, 12))
