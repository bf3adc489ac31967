"""The line of the program's own cost: its numbers, its place, and the setting that switches it off."""

from __future__ import annotations

from tests.ui.fake_session import app_over, finished, running, screen_text, settle, show
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.own_cost import OwnCost
from tui_trainer.ui.settings import Settings


def with_cost(share: float = 1.25, session=None):
    session = session or running()
    session.play(ev.Scalars(step=200, steps=[200], seconds=[2.0], values={"system/overhead": [share]}))
    return session


def state_with(share: float) -> RunState:
    state = RunState(run="digits")
    state.apply(ev.Scalars(step=3, steps=[3], seconds=[0.1], values={"system/overhead": [share]}))
    return state


def test_bytes_are_a_mean_over_two_seconds_and_the_text_stays_between():
    sent = [0]
    cost = OwnCost(lambda: sent[0])
    assert cost.text(state_with(0.4), 0.0) == "0.4 % of time"
    sent[0] = 5000
    assert cost.text(state_with(0.4), 1.9) == "0.4 % of time"
    assert cost.text(state_with(0.4), 2.5) == "0.4 % of time · 2.0 kB/s"
    sent[0] = 99_000
    assert cost.text(state_with(0.4), 4.0) == "0.4 % of time · 2.0 kB/s"


def test_the_line_fits_in_the_column_of_a_wide_screen():
    sent = [0]
    cost = OwnCost(lambda: sent[0])
    for turn, (share, bytes_sent, said) in enumerate(
        [(0.913, 27_200, "0.91 % of time · 14 kB/s"), (0.0914, 1400, "0.09 % of time · 0.7 kB/s"),
         (12.34, 19_940, "12 % of time · 10 kB/s"), (0.0004, 246_000, "<0.01 % of time · 123 kB/s")]
    ):  # fmt: skip
        cost.text(state_with(share), 4.0 * turn)
        sent[0] += bytes_sent
        assert cost.text(state_with(share), 4.0 * turn + 2) == said


def test_nothing_is_said_of_a_run_without_it_or_over():
    cost = OwnCost(lambda: 0)
    assert cost.text(RunState(run="digits"), 0.0) == ""
    state = state_with(2.0)
    state.apply(finished())
    assert cost.text(state, 0.0) == ""


async def test_it_stands_on_the_status_of_a_wide_screen_and_can_be_switched_off():
    for settings, said in ((Settings(), True), (Settings(own_cost=False), False)):
        app = app_over(with_cost(), settings=settings)
        async with show(app, (140, 40)) as pilot:
            await settle(pilot)
            assert ("own cost       1.2 % of time" in screen_text(app)) is said
