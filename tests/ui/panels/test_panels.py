"""The text panels of a run: status, numbers, lists, summary, log; none is wider than its space."""

from __future__ import annotations

import re
from typing import Any

import pytest
from textual.content import Content

from tests.ui.conftest import MakeRun
from tests.ui.fake_session import finished, loss, running, started, trained
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import LogLine, RunState
from tui_trainer.state.series import Series
from tui_trainer.ui.charts.model import Area
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartKind, values_at
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.panels.layer_strips import StripView
from tui_trainer.ui.panels.layers_table import layers_page
from tui_trainer.ui.panels.log_pane import clock_time, pinned_rows, without_author, wrap
from tui_trainer.ui.panels.numbers_table import BestValues, NumberRow, number_lines, number_rows, numbers_table
from tui_trainer.ui.panels.progress import (
    count_text,
    heard_text,
    seconds_left,
    set_time_left_text,
    share_done,
)
from tui_trainer.ui.panels.runs_list import ranking_series, runs_list
from tui_trainer.ui.panels.sparklines import sparkline_rows
from tui_trainer.ui.panels.status import Numbers, share_of_epoch, state_text, status_column, status_lines
from tui_trainer.ui.run_store import RunStore


def state(*events: ev.AnyEvent, steps: int = 230, **changes: Any) -> RunState:
    run = RunState(run="digits")
    for event in [started(**changes), ev.StatusChanged(status="running"), *trained(steps), *events]:
        run.apply(event)
    return run


def rows(content: Content) -> list[str]:
    return content.plain.split("\n")


def numbers(run: RunState, view: View = View()) -> Numbers:  # noqa: B008 - frozen
    """Return the numbers of a single run."""
    rows, smoothing = number_rows([run], 0, view, BestValues(), Area.of(80, 20))
    return Numbers(rows, smoothing, [("learning rate", "0.0065")], "at step 100" if view.cursor is not None else "")


def test_the_status_column_shows_the_important_numbers() -> None:
    run = state()
    text = status_column(run, numbers(run), 40, 60, FANCY).plain
    for words in (
        "Digits, a small MLP", "MLP 64-128-10", "17,226 parameters", "30 of 50", "230 of 500", "samples/s",
        "batch", "train loss", "val loss", "now", "epoch", "best", "learning rate", "val acc", "cosine", "adam",
        "0/5", "best @ 4", "first",
    ):  # fmt: skip
        assert words in text, words


def test_what_is_still_to_gain_stands_with_its_interval_and_the_time() -> None:
    run = RunState(run="run")
    run.apply(ev.RunStarted(steps_per_epoch=10, epochs=40, device="cpu"))
    for epoch in range(1, 21):
        loss = 0.2 + 1.5 / epoch + 0.004 * (-1) ** epoch
        run.apply(ev.EpochEnded(step=10 * epoch, epoch=epoch, seconds=36.0 * epoch, metrics={"val_loss": loss}))
    lines = rows(status_column(run, numbers(run), 42, 40, FANCY))
    at = next(index for index, line in enumerate(lines) if line.startswith("next 10 epochs"))
    assert re.fullmatch(r"next 10 epochs +-0\.0\d+ \(-0\.0\d+ to -?0\.0\d+\)", lines[at].rstrip())
    assert lines[at + 1].strip() == "val loss, 6:00"


def test_each_number_stands_in_its_row_and_column() -> None:
    run = state()
    rows, smoothing = number_rows([run], 0, View(smoothing=10), BestValues(), Area.of(80, 20))
    train, val, accuracy = rows
    assert smoothing == 10
    assert [row.label for row in rows] == ["train loss", "val loss", "val acc"]
    newest = [loss(step) for step in range(221, 231)]
    assert float(train.now) == pytest.approx(sum(newest) / 10, rel=0.02)
    assert train.epoch == f"{loss(200):.3g}"
    assert val.now == f"{loss(200) + 0.05:.4g}"
    assert val.best == f"{loss(200) + 0.05:.3g} @4"
    assert accuracy.now == f"{100 * (1 - loss(200) / 3):.1f} %"
    heading, first, *_ = numbers_table(rows, smoothing, False, 40)
    assert heading.plain.split() == ["now", "epoch", "best"]
    assert first.plain.split() == ["train", "loss", train.now, train.epoch, *train.best.split()]
    assert all(line.cell_length <= 40 for line in numbers_table(rows, smoothing, True, 40))


def test_at_the_cursor_the_values_are_those_of_its_step() -> None:
    run = state()
    rows, _ = number_rows([run], 0, View(cursor=100.0, smoothing=0), BestValues(), Area.of(80, 20))
    assert rows[0].now == f"{loss(100):.4g}"
    assert rows[1].now == f"{loss(100) + 0.05:.4g}"
    assert rows[1].best.endswith("@4"), "the best of the run stays the best"


def test_the_best_value_follows_a_series_that_grows_or_is_rewound() -> None:
    run, best = state(steps=100), BestValues()
    assert best.of(run, "val_accuracy") == (pytest.approx(1 - loss(100) / 3), 2)
    run.apply(*trained(100, first=101))
    assert best.of(run, "val_accuracy") == (pytest.approx(1 - loss(200) / 3), 4)
    run.series["val_accuracy"].rewind(100)
    assert best.of(run, "val_accuracy") == (pytest.approx(1 - loss(100) / 3), 2)
    assert best.of(run, "nothing") is None


def test_narrow_lines_have_columns_and_a_single_line_the_result_first() -> None:
    rows = [
        NumberRow("train", "loss", "0.26", "0.25"),
        NumberRow("val", "loss", "0.1004", best="0.0996 @28"),
        NumberRow("val", "accuracy", "97.2 %", best="97.4 % @28"),
    ]
    first, second = (line.plain for line in number_lines(rows, 78, 2))
    assert first.split() == ["loss", "train", "0.26", "epoch", "mean", "0.25", "val", "0.1004", "best", "0.0996", "@28"]
    assert second.index("97.2 %") == first.index("0.1004")
    assert second.index("97.4 %") == first.index("0.0996")
    assert [line.plain for line in number_lines(rows, 40, 1)] == ["val acc 97.2 %  best 97.4 % @28"]
    assert "epoch mean" not in number_lines(rows, 60, 2)[0].plain
    assert [line.plain for line in number_lines(rows, 20, 3)] == [
        "val acc 97.2 %",
        "val loss 0.1004",
        "train loss 0.26",
    ]


def test_sparklines_show_what_has_no_chart() -> None:
    run = state()
    labels, curves = (line.plain for line in sparkline_rows(run, [ChartKind.LOSS], View(), 78, 2, FANCY))
    assert [labels.index(word) for word in ("2 rate", "3 gradient norm", "4 accuracy")] == [0, 26, 52]
    assert "cosine" in labels
    assert len(curves) == len(labels) == 76
    labels = sparkline_rows(run, [ChartKind.NORM], View(), 78, 2, FANCY)[0].plain
    assert "1 loss" in labels
    assert "gradient norm" not in labels
    plain = sparkline_rows(run, [ChartKind.LOSS], View(), 40, 2, PLAIN)
    assert all(line.plain.isascii() for line in plain)
    assert sparkline_rows(RunState(), [ChartKind.LOSS], View(), 40, 2, FANCY) == []


def test_the_time_left_of_a_set_includes_the_runs_still_to_come() -> None:
    first, waiting = state(steps=250), RunState(run="set/b")
    first.run = "set/a"
    assert seconds_left([first]) == (pytest.approx(2.5, rel=0.05), False)
    left = seconds_left([first, waiting])
    assert left is not None
    assert left[0] == pytest.approx(7.5, rel=0.05)
    assert set_time_left_text([first, waiting]).startswith("about 7.")
    assert share_done([first, waiting]) == pytest.approx(0.25)
    waiting.run = "other"
    left = seconds_left([first, waiting])
    assert left is not None
    assert left[0] == pytest.approx(5.0, rel=0.05), "another group trains at the same time"
    first.apply(finished())
    assert set_time_left_text([first]) == ""
    assert share_done([first, waiting]) == pytest.approx(0.5), "in a set a run that has ended counts as trained"
    assert share_done([first]) == pytest.approx(0.5), "a single one shows where it was stopped"


def test_the_time_since_the_last_message_is_said_in_steps() -> None:
    store = RunStore(running())
    store.poll()
    run = store.states["digits"]
    at = store.heard["digits"]
    texts = [heard_text(run, store, at + seconds) for seconds in (1, 13, 14, 185, 7300, 400_000)]
    assert texts == [
        "last heard just now", "last heard 10 s ago", "last heard 10 s ago", "last heard 3 min ago",
        "last heard 2 h ago", "last heard 4 days ago",
    ]  # fmt: skip


def test_the_log_names_only_other_users() -> None:
    assert without_author("learning rate 1, was 2 (me@here (pts/1))", "me@here (pts/1)") == "learning rate 1, was 2"
    assert without_author("learning rate 1, was 2 (ann@host)", "me@here") == "learning rate 1, was 2 (ann@host)"


@pytest.mark.parametrize("signs", [FANCY, PLAIN], ids=["fancy", "plain"])
def test_the_status_fits_into_its_space(signs: Any) -> None:
    run = state(ev.SavingFailed(what="checkpoint best", error="no space left on the device" * 5), title="t" * 300)
    values = [("a_very_long_metric_name" * 3, "0.123456789" * 4)]
    for width in (1, 7, 20, 36, 80):
        for height in (1, 3, 10, 40):
            for text in (
                status_column(run, Numbers(numbers(run).rows, 3, values, "at step 3"), width, height, signs),
                status_lines(run, Numbers(numbers(run).rows, 3, values), width, height, signs),
                status_lines(run, Numbers(numbers(run).rows, 3, values, "at step 3"), width, height, signs),
            ):
                assert len(rows(text)) <= height
                assert all(Content(row).cell_length <= width for row in rows(text)), (width, height, text.plain)


def test_status_lines_add_settings_where_there_is_room() -> None:
    run = state()
    lines = rows(status_lines(run, numbers(run), 80, 3, FANCY))
    assert [line.split()[0] for line in lines] == ["loss", "accuracy", "schedule"]
    assert "patience 0/5" in lines[2]


def test_status_lines_at_the_cursor_begin_with_its_place() -> None:
    run = state()
    values = [(name, text) for name, text in values_at([run], 0, View(cursor=100.0)) if name == "learning rate"]
    read = Numbers(numbers(run).rows, 0, values, "at step 100")
    assert rows(status_lines(run, read, 80, 2, FANCY))[0].startswith("at step 100  train loss ")


def test_a_warning_is_the_last_section_to_be_left_out() -> None:
    run = state(ev.SavingFailed(what="journal", error="disk full"))
    assert "! not saved: journal: disk full" in status_column(run, Numbers(), 40, 3, FANCY).plain


def test_statuses_differ_without_colours() -> None:
    shown = set[str]()
    for status in ("starting", "running", "paused", "stopping", "finished", "failed"):
        run = RunState(status=status)
        shown.add(state_text(run, FANCY).plain[0])
        assert status in state_text(run, PLAIN).plain
    assert len(shown) == 6


def test_runs_are_listed_with_their_statuses() -> None:
    runs, store = [state(), state(finished())], RunStore(running())

    def listed(width: int, signs: Any = FANCY, **options: Any) -> list[Content]:
        return runs_list(runs, 1, width, signs, palette(), store, BestValues(), **options)

    heading, first, second = (row.plain for row in listed(38))
    assert "best val accuracy" in heading
    assert second.startswith("▸✔ digits 4/10")
    assert first.endswith("75.4 %*"), "of equal runs the first is marked"
    assert second.endswith("75.4 %")
    assert "█" in first, "the curve"
    assert "█" not in listed(26)[1].plain
    for width in (10, 26, 38, 78):
        assert max(row.cell_length for row in listed(width)[1:]) <= max(width, 24)
    assert listed(38, most=1)[0].plain.startswith("runs 2-2 of 2")
    assert all(row.plain.isascii() for row in listed(40, PLAIN))
    assert runs_list(runs[:1], 0, 38, FANCY, palette(), store, BestValues()) == []


def test_a_set_is_ranked_by_its_metric_else_by_a_loss() -> None:
    assert ranking_series([state()]) == "val_accuracy"
    assert ranking_series([state(metric="", steps=20)]) == "train_loss"


@pytest.mark.parametrize("width", [20, 40, 78, 120])
def test_the_layers_page_fits_and_draws_histories(width: int) -> None:
    layers = {f"net.{name}": ev.Layer(grad_norm=0.1, update_ratio=1e-3, dead=0.3) for name in ("conv", "head")}
    series = {f"update_ratio/{name}": Series() for name in layers}
    for recorded in series.values():
        for step, value in ((1, 1e-4), (2, 1e-3), (3, 1e-2)):
            recorded.append(step, value)
    page = layers_page(layers, series, width, FANCY)
    assert max(line.cell_length for line in page.split("\n")) <= max(width, 27)
    assert "conv" in page.plain
    assert ("▁" in page.plain) == (width >= 40)
    assert "30%" in page.plain


def test_strips_come_first_where_the_table_would_leave_no_room_for_them() -> None:
    layers = {name: ev.Layer(grad_norm=0.1, update_ratio=1e-3) for name in ("one", "two", "head")}
    series = {f"update_ratio/{name}": Series() for name in layers}
    for recorded in series.values():
        recorded.append(1, 1e-3)
    pages = {height: rows(layers_page(layers, series, 60, FANCY, StripView(), height)) for height in (10, 13, None)}
    assert pages[10][0] == "update / weights over the steps"
    assert [line.split()[0] for line in pages[10][2:5]] == ["one", "two", "head"]
    assert pages[13][0].startswith("one ")
    assert pages[13] == pages[None]
    assert sorted(pages[10]) == sorted(pages[None])


def test_the_layers_page_labels_high_and_low_ratios() -> None:
    layers = {
        "fine": ev.Layer(grad_norm=1.0, weight_norm=2.0, update_ratio=1e-3, dead=0.0),
        "wild": ev.Layer(grad_norm=100.0, update_ratio=0.5, dead=0.9),
        "frozen": ev.Layer(grad_norm=None, update_ratio=1e-8),
        "silent": ev.Layer(grad_norm=0.0),
    }
    for width in (30, 60, 80, 160):
        text = layers_page(layers, {}, width, FANCY).plain
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


def test_runs_that_broke_are_not_counted_as_done(make_run: MakeRun) -> None:
    states = [make_run(name=name) for name in ("a", "b", "c", "d")]
    reasons: tuple[ev.Reason, ...] = ("completed", "not-finite", "failed")
    for state, reason in zip(states, reasons, strict=False):
        state.apply(ev.RunFinished(reason=reason, exit_code=reason != "completed"))
    assert count_text(states, {}) == "of 4 runs, 1 done, 2 failed"


def rows_of(kinds: str) -> list[tuple[LogLine, str, bool]]:
    """Return a row for each letter: e tells what happened, o was printed, . goes on with the line before."""
    rows: list[tuple[LogLine, str, bool]] = []
    for number, letter in enumerate(kinds):
        kind = "event" if letter == "e" else "output"
        line = rows[-1][0] if letter == "." else LogLine(at="", text=str(number), kind=kind)
        rows.append((line, str(number), letter != "."))
    return rows


@pytest.mark.parametrize(
    ("kinds", "height", "shown"),
    [
        ("eeoooooooo", 6, "01"),
        ("eeoooooooo", 2, "1"),
        ("eeoooooooo", 1, ""),
        ("eoooooeooo", 6, "0"),
        ("eeeeeooeee", 6, ""),
        ("eeooo", 6, ""),
        ("eeeooooooooo", 8, "012"),
        ("oooooooo", 4, ""),
        ("ee.oooooooo", 6, "01"),
    ],
)
def test_what_happened_stays_above_printed_lines(kinds: str, height: int, shown: str) -> None:
    assert "".join(part for _, part, _ in pinned_rows(rows_of(kinds), height)) == shown
