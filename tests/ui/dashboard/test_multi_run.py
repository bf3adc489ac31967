"""Sets of runs: the table of runs, steering all, and sets with many runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    press,
    running,
    screen_text,
    settle,
    show,
    started,
    trained,
    until,
)
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.context import MAX_BACKGROUND_RUNS
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.screens.run_table import table


def config(rate: float, batch: int) -> dict[str, Any]:
    return {"title": f"rate {rate}", "optimizer": {"kind": "sgd", "lr": rate}, "data": {"batch_size": batch}}


def duel() -> FakeSession:
    """Two runs that differ in learning rate and batch size, the second one finished."""
    session = FakeSession("set/high", "set/low")
    for run, rate, batch in (("set/high", 0.5, 32), ("set/low", 0.001, 8)):
        session.play(started(config=config(rate, batch)), ev.StatusChanged(status="running"), *trained(200), run=run)
    session.play(finished("early-stopped"), run="set/low")
    return session


def many(count: int) -> FakeSession:
    return running(*(f"set/init-{place % 9}-act-{place // 9}" for place in range(count)), steps=100)


def test_the_table_shows_progress_results_and_differences() -> None:
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


async def test_a_run_is_selected_from_the_table() -> None:
    app = app_over(duel())

    async with show(app) as pilot:
        await press(pilot, "r", "r")
        text = screen_text(app)
        for words in ("2 runs side by side", "high", "low", "early-stopped", "batch_size", "0.001"):
            assert words in text
        await press(pilot, "down", "enter")
        assert app.dashboard is not None
        assert app.dashboard.view_state.selected_index == 1
        await press(pilot, "r", "escape")
        assert app.dashboard.view_state.selected_index == 1


async def test_the_runs_page_lists_curves_and_moves_through_the_runs() -> None:
    app = app_over(duel())

    async with show(app) as pilot:
        await press(pilot, "r")
        assert app.dashboard is not None
        text = screen_text(app)
        assert "best val accuracy" in text
        assert "▸▶ high" in text
        assert "✔ low" in text
        assert "█" in text
        assert "1 loss" in text, "the charts stay"
        await press(pilot, "down")
        assert app.dashboard.view_state.selected_index == 1
        assert "▸✔ low" in screen_text(app)
        await press(pilot, "down", "up")
        assert app.dashboard.view_state.selected_index == 0
        await press(pilot, "escape")
        assert "best val accuracy" not in screen_text(app)
        await press(pilot, "up")
        assert app.dashboard.view_state.view.span is not None, "without the page the key zooms"


async def test_the_screen_shows_which_runs_are_steered() -> None:
    session = running("set/a", "set/b")

    app = app_over(session)

    async with show(app, (140, 40)) as pilot:
        await press(pilot, "asterisk")
        await settle(pilot)
        assert screen_text(app).count("▸▶") == 2
        assert "steering all" in screen_text(app)
        await press(pilot, "minus")
        assert session.last(cmd.SetLearningRate).run == cmd.ALL_RUNS
        await press(pilot, "asterisk", "tab")
        assert screen_text(app).count("▸▶") == 1


@pytest.mark.parametrize(
    ("count", "size"),
    [
        pytest.param(count, size, id=f"{count}-{size[0]}x{size[1]}", marks=() if count == quick else pytest.mark.long)
        for size, quick in (((80, 24), 63), ((140, 40), 6), ((40, 12), 28))
        for count in (6, 28, 63)
    ],
)
async def test_many_runs_on_a_small_screen(count: int, size: tuple[int, int]) -> None:
    app = app_over(many(count))

    async with show(app, size) as pilot:
        assert app.dashboard is not None
        await press(pilot, "tab", "tab")
        text = screen_text(app)
        assert "val acc" in text or "accuracy" in text
        assert "init-2" in text
        await press(pilot, "r", "r", "end", "enter")
        assert app.dashboard.view_state.selected_index == count - 1
        await until(pilot, lambda: f"init-{(count - 1) % 9}" in screen_text(app))
        await press(pilot, "1", "a", "right", "escape", "escape", "w", "w", "l", "escape")


def test_the_number_of_background_curves_is_limited() -> None:
    states: list[RunState] = []
    for place in range(63):
        state = RunState(run=f"set/{place}")
        for event in [started(), *trained(100)]:
            state.apply(event)
        states.append(state)
    for kind in ChartKind:
        shown = chart_data(kind, states, 5, View(), 60, 14)
        assert len(shown.legend) <= MAX_BACKGROUND_RUNS + 4
    assert f"{MAX_BACKGROUND_RUNS + 1} of 63 runs" in [
        note.text for note in chart_data(ChartKind.LOSS, states, 5, View(), 60, 14).notes
    ]


def test_columns_are_named_after_differing_keys() -> None:
    def run(name: str, activation: dict[str, str], kind: str) -> RunState:
        config = {"model": {"activation": activation, "init": {"kind": kind}}}
        return RunState(run=name, started=started(config=config))

    heads = table([run("a", {"kind": "relu"}, "zeros"), run("b", {"kind": "tanh"}, "normal")])[0]
    assert heads[6:] == ["activation", "init"]
