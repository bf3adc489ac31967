"""Sets of runs: chosen from a table, steered together, and usable when there are many."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    play,
    press,
    running,
    screen_text,
    settle,
    started,
    trained,
    until,
)
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.context import MOST_BEHIND
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.screens.run_table import table


def config(rate: float, batch: int) -> dict[str, Any]:
    return {"title": f"rate {rate}", "optimizer": {"kind": "sgd", "lr": rate}, "data": {"batch_size": batch}}


def duel() -> FakeSession:
    """Two runs that differ in rate and batch size, the second one over."""
    session = FakeSession("set/high", "set/low")
    for run, rate, batch in (("set/high", 0.5, 32), ("set/low", 0.001, 8)):
        session.play(started(config=config(rate, batch)), ev.StatusChanged(status="running"), *trained(200), run=run)
    session.play(finished("early-stopped"), run="set/low")
    return session


def many(count: int) -> FakeSession:
    return running(*(f"set/init-{place % 9}-act-{place // 9}" for place in range(count)), steps=100)


def test_a_table_says_how_far_how_good_and_what_differs() -> None:
    states: list[RunState] = []
    for rate, batch in ((0.5, 32), (0.001, 8)):
        state = RunState(run=f"set/{rate}")
        for event in [started(config=config(rate, batch)), *trained(50)]:
            state.apply(event)
        states.append(state)
    heads, first, second = table([*states])
    assert heads == ["run", "status", "epoch", "best", "train", "val", "lr", "batch_size"]
    assert first[:1] + first[2:3] + first[-2:] == ["0.5", "1/10", "0.5", "32"]
    assert second[-2:] == ["0.001", "8"]
    assert first[3].endswith("@ 1")


def test_a_run_is_chosen_from_the_table() -> None:
    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "r")
        text = screen_text(app)
        for words in ("2 runs side by side", "high", "low", "early-stopped", "batch_size", "0.001"):
            assert words in text
        await press(pilot, "down", "enter")
        assert app.dashboard is not None
        assert app.dashboard.view_state.selected_index == 1
        await press(pilot, "r", "escape")
        assert app.dashboard.view_state.selected_index == 1

    app = app_over(duel())
    play(app, script)


def test_steering_one_or_all_is_seen() -> None:
    session = running("set/a", "set/b")

    async def script(pilot: Pilot[Any]) -> None:
        await press(pilot, "asterisk")
        await settle(pilot)
        assert screen_text(app).count("▸▶") == 2
        assert "steering all" in screen_text(app)
        await press(pilot, "minus")
        assert session.last(cmd.SetLearningRate).run == cmd.ALL_RUNS
        await press(pilot, "asterisk", "tab")
        assert screen_text(app).count("▸▶") == 1

    app = app_over(session)
    play(app, script, (140, 40))


@pytest.mark.parametrize("count", [6, 28, 63])
@pytest.mark.parametrize("size", [(80, 24), (140, 40), (40, 12)], ids=["80x24", "140x40", "40x12"])
def test_many_runs_stay_usable(count: int, size: tuple[int, int]) -> None:
    async def script(pilot: Pilot[Any]) -> None:
        assert app.dashboard is not None
        await press(pilot, "tab", "tab")
        text = screen_text(app)
        assert "train_loss" in text or "train" in text
        assert "init-2-act-0" in text
        await press(pilot, "r", "end", "enter")
        assert app.dashboard.view_state.selected_index == count - 1
        await until(pilot, lambda: f"init-{(count - 1) % 9}" in screen_text(app))
        await press(pilot, "1", "a", "right", "escape", "escape", "w", "w", "l", "escape")

    app = app_over(many(count))
    play(app, script, size)


def test_of_many_curves_as_many_are_drawn_as_can_be_told_apart() -> None:
    states: list[RunState] = []
    for place in range(63):
        state = RunState(run=f"set/{place}")
        for event in [started(), *trained(100)]:
            state.apply(event)
        states.append(state)
    for kind in ChartKind:
        shown = chart_data(kind, states, 5, View(), 60, 14)
        assert len(shown.legend) <= MOST_BEHIND + 4
    assert f"{MOST_BEHIND + 1} of 63 runs" in [
        note.text for note in chart_data(ChartKind.LOSS, states, 5, View(), 60, 14).notes
    ]


def test_columns_are_named_after_what_differs() -> None:
    def run(name: str, activation: dict[str, str], kind: str) -> RunState:
        config = {"model": {"activation": activation, "init": {"kind": kind}}}
        return RunState(run=name, started=started(config=config))

    heads = table([run("a", {"kind": "relu"}, "zeros"), run("b", {"kind": "tanh"}, "normal")])[0]
    assert heads[6:] == ["activation", "init"]
