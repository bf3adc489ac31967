"""The text panels of a run: status, summary, log; none is wider than its space."""

from __future__ import annotations

from typing import Any

import pytest
from textual.content import Content

from tests.ui.fake_session import finished, started, trained
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import values_at
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.panels.layers_table import layers_table
from tui_trainer.ui.panels.log_pane import clock_time, wrap
from tui_trainer.ui.panels.runs_list import runs_list
from tui_trainer.ui.panels.status import share_of_epoch, state_text, status_column, status_lines


def state(*events: ev.AnyEvent, steps: int = 230, **changes: Any) -> RunState:
    run = RunState(run="digits")
    for event in [started(**changes), ev.StatusChanged(status="running"), *trained(steps), *events]:
        run.apply(event)
    return run


def rows(content: Content) -> list[str]:
    return content.plain.split("\n")


def test_the_status_column_shows_the_important_numbers() -> None:
    run = state(ev.ResourcesMeasured(memory=412_000_000))
    text = status_column(run, values_at([run], 0, View()), "", 40, 60, FANCY).plain
    for words in (
        "Digits, a small MLP", "MLP 64-128-10", "17,226 parameters", "4/10", "30/50", "100 steps/s", "throughput",
        "batch", "train loss", "val loss", "train loss (epoch mean)", "gradient norm", "val accuracy", "cosine", "adam",
        "0/5", "412 MB", "best @ 4", "first",
    ):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize("signs", [FANCY, PLAIN], ids=["fancy", "plain"])
def test_the_status_fits_into_its_space(signs: Any) -> None:
    run = state(ev.SavingFailed(what="checkpoint best", error="no space left on the device" * 5), title="t" * 300)
    values = [("a_very_long_metric_name" * 3, "0.123456789" * 4)]
    for width in (1, 7, 20, 36, 80):
        for height in (1, 3, 10, 40):
            for text in (
                status_column(run, values, "at step 3", width, height, signs),
                status_lines(run, values, "", width, height, signs),
            ):
                assert len(rows(text)) <= height
                assert all(Content(row).cell_length <= width for row in rows(text)), (width, height, text.plain)


def test_status_lines_start_with_the_progress() -> None:
    run = state()
    first = rows(status_lines(run, values_at([run], 0, View()), "", 80, 1, FANCY))
    assert first[0].startswith("epoch 4/10 ")
    assert "batch 30/50" in first[0]


def test_a_warning_is_the_last_section_to_be_left_out() -> None:
    run = state(ev.SavingFailed(what="journal", error="disk full"))
    assert "! not saved: journal: disk full" in status_column(run, [], "", 40, 3, FANCY).plain


def test_statuses_differ_without_colours() -> None:
    shown = set[str]()
    for status in ("starting", "running", "paused", "stopping", "finished", "failed"):
        run = RunState(status=status)
        shown.add(state_text(run, FANCY).plain[0])
        assert status in state_text(run, PLAIN).plain
    assert len(shown) == 6


def test_runs_are_listed_with_their_statuses() -> None:
    runs = [state(), state(finished())]
    text = "\n".join(row.plain for row in runs_list(runs, 1, 38, FANCY, palette()))
    assert "▸✔ digits" in text
    assert runs_list(runs[:1], 0, 38, FANCY, palette()) == []


def test_the_layers_table_labels_high_and_low_ratios() -> None:
    layers = {
        "fine": ev.Layer(grad_norm=1.0, weight_norm=2.0, update_ratio=1e-3, dead=0.0),
        "wild": ev.Layer(grad_norm=100.0, update_ratio=0.5, dead=0.9),
        "frozen": ev.Layer(grad_norm=None, update_ratio=1e-8),
        "silent": ev.Layer(grad_norm=0.0),
    }
    for width in (30, 60, 80, 160):
        text = layers_table(layers, width, FANCY).plain
        for word in ("high", "low", "90%"):
            assert word in text


def test_long_lines_are_wrapped_between_words() -> None:
    assert wrap("one two three four", 9) == ("one two ", "three ", "four")
    assert wrap("x" * 25, 10) == ("x" * 10, "x" * 10, "x" * 5)
    assert wrap("日本語日本語", 4) == ("日本", "語日", "本語")
    assert len("".join(wrap("[/]日" * 90_000, 50))) < 2100


def test_unparsable_times_are_left_out() -> None:
    assert clock_time("yesterday") == ""
    assert len(clock_time("2026-11-23T14:03:12+00:00")) == 8


@pytest.mark.parametrize(
    ("status", "epoch", "step", "done"),
    [("running", 0, 3, 3), ("running", 2, 180, 0), ("failed", 0, 3, 3), ("finished", 2, 180, 90)],
)
def test_share_of_epoch(status: str, epoch: int, step: int, done: int) -> None:
    state = RunState(status=status, epoch=epoch, step=step, started=started(steps_per_epoch=90))
    assert share_of_epoch(state) == (done, 90)
