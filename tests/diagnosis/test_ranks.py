"""Findings about several processes that train together."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.diagnosis.history import History
from tui_trainer.diagnosis.reducer import follow
from tui_trainer.diagnosis.rules import holding
from tui_trainer.protocol import events as ev

EVEN = {
    "step": 50.0, "busy": 20.0, "busy_worst": 21.0, "slowest": 1.0, "input": 1.0, "input_worst": 1.5,
    "input_slowest": 2.0,
}  # fmt: skip


def test_a_rank_that_waits_for_its_data_is_named() -> None:
    history = replace(History(), ranks={**EVEN, "busy_worst": 48.0, "input_worst": 30.0, "input_slowest": 3.0})
    found = holding(history)
    assert found["RANK_DATA"].evidence.startswith("rank 3 waits 30 ms for its data in each step of 50 ms")
    assert "RANK_SLOW" not in found


def test_a_rank_that_is_slow_by_itself_is_named() -> None:
    found = holding(replace(History(), ranks={**EVEN, "busy_worst": 32.0}))
    assert found["RANK_SLOW"].evidence == "rank 1 works 32 ms in each step of 50 ms, the median rank 20 ms"
    assert not any(name.startswith("RANK") for name in holding(replace(History(), ranks=EVEN)))


def test_the_newest_row_of_the_series_is_taken() -> None:
    row = {f"rank/{name}": [value] for name, value in EVEN.items()}
    event = ev.Scalars(step=4, steps=[4], seconds=[1.0], values=row)
    history = follow(History(), event)
    assert history.ranks == EVEN
    assert history.step == 0  # no step was trained by it
