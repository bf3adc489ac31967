"""The leaderboard: its order, means over seeds, the bar of the whole set, hidden runs and the baseline."""

from __future__ import annotations

from pathlib import Path
from statistics import stdev
from time import monotonic

import pytest

from tests.ui.fake_session import FakeSession, app_over, press, screen_text, show, until
from tests.ui.sets.made_runs import events_of, made_run, made_state, settings
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.multi import MultiSession
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.charts.view import Baseline, View
from tui_trainer.ui.dashboard.footer import Footer
from tui_trainer.ui.icons import FANCY, PLAIN, Icons
from tui_trainer.ui.panels.numbers_table import BestValues
from tui_trainer.ui.preferences.screen_memory import ScreenMemory
from tui_trainer.ui.run_store import RunStore
from tui_trainer.ui.sets.leaderboard import COLUMNS, ordered, seed_means, standings
from tui_trainer.ui.sets.leaderboard_page import leaderboard_page, set_bar, spread_text
from tui_trainer.ui.sets.set_view import SetView

CURVES = {"slow": [0.5, 0.6, 0.7], "fast": [0.7, 0.9, 0.8], "late": [0.4, 0.5, 0.85]}


def three() -> list[RunState]:
    return [made_state(f"set/{name}", curve, settings(0.1 * k + 0.1)) for k, (name, curve) in enumerate(CURVES.items())]


def test_each_column_orders_the_runs_the_best_first() -> None:
    rows = standings(three(), BestValues())
    names = {column: [row.name for row in ordered(rows, column, "val_accuracy")] for column in COLUMNS}
    assert names["last"] == ["late", "fast", "slow"]
    assert names["best"] == ["fast", "late", "slow"]
    assert names["epoch"] == ["fast", "slow", "late"]
    assert names["loss"] == ["late", "fast", "slow"]
    assert names["rate"] == ["late", "fast", "slow"]
    assert names["run"] == ["fast", "late", "slow"]
    assert [row.name for row in ordered(rows, "last", "val_accuracy", reverse=True)] == ["slow", "fast", "late"]
    best = {row.name: (row.best, row.epoch, row.last) for row in rows}
    assert best["fast"] == (0.9, 2, 0.8)


def test_a_run_without_a_value_comes_last_either_way() -> None:
    states = [*three(), made_state("set/new", [], settings(), over=False, epochs=3)]
    rows = standings(states, BestValues())
    for reverse in (False, True):
        assert ordered(rows, "last", "val_accuracy", reverse=reverse)[-1].name == "new"


def test_seeds_give_mean_and_deviation() -> None:
    accuracies = [0.81, 0.85, 0.92]
    states = [made_state(f"set/a{seed}", [0.5, value], settings(seed=seed)) for seed, value in enumerate(accuracies)]
    states.append(made_state("set/other", [0.5, 0.6], settings(0.7)))
    (mean,) = seed_means(states, standings(states, BestValues()))
    assert mean.seeds == 3
    assert mean.last == pytest.approx((sum(accuracies) / 3, stdev(accuracies)))
    assert spread_text("val_accuracy", 0.86, 0.0557) == "86.0 ± 5.6 %"
    assert spread_text("val_loss", 0.14, 0.0557) == "0.14 ± 0.056"


@pytest.mark.parametrize("icons", [FANCY, PLAIN])
def test_no_line_is_too_long_and_the_selected_run_is_visible(icons: Icons) -> None:
    states = [made_state(f"set/run-{k:03d}", [0.5, 0.5 + k / 500], settings(seed=k)) for k in range(200)]
    store, best, sets = RunStore(FakeSession()), BestValues(), SetView()
    for width, height in ((138, 20), (78, 9), (38, 4), (10, 2), (4, 1)):
        for front in (0, 120, 199):
            lines = leaderboard_page(states, front, width, height, icons, palette(), store, best, sets)
            assert len(lines) <= height
            assert max(line.cell_length for line in lines) <= width
            assert height < 2 or any(icons.pointer in line.plain for line in lines)
            if icons is PLAIN:
                assert "±" in "".join(line.plain for line in lines) or all(line.plain.isascii() for line in lines)


def test_the_bar_shows_every_run_and_counts_the_ended_ones() -> None:
    states = [
        made_state("set/over", [0.5, 0.6], settings(), epochs=4),
        made_state("set/half", [0.5, 0.6], settings(0.2), over=False, epochs=4),
    ]
    bar = set_bar(states, 80, FANCY, palette(), RunStore(FakeSession())).plain
    assert "75%" in bar
    assert "1 of 2 runs done" in bar
    first, second = bar.split("%")[0].split()[:2]
    assert (set(first), second.count("━") + second.count("╸")) == ({"━"}, 10)


def board_of(session: MultiSession, memory: ScreenMemory | None = None) -> TrainerApp:
    return app_over(session, read_only=True, memory=memory)  # type: ignore[arg-type]


def all_read(app: TrainerApp) -> bool:
    """Return whether the journals of all runs have been read and are on the screen."""
    assert app.dashboard is not None
    states = app.dashboard.view_state.states
    return len(states) == len(CURVES) and all(state.over for state in states) and "val" in screen_text(app)


def on_disk(folder: Path) -> MultiSession:
    folders = [
        made_run(folder / "set" / name, curve, settings(0.1 * k + 0.1), name=f"set/{name}")
        for k, (name, curve) in enumerate(CURVES.items())
        if not (folder / "set" / name).exists()
    ] or [folder / "set" / name for name in CURVES]
    return MultiSession([JournalSession(path) for path in folders])


def rows_of(app: TrainerApp) -> list[str]:
    """Return the names on the leaderboard in their order."""
    lines = screen_text(app).partition("leaderboard by")[2].splitlines()
    return [name for line in lines for name in CURVES if name in line and "%" in line]


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_leaderboard_is_sorted_hidden_and_pinned_without_a_command(
    size: tuple[int, int], tmp_path: Path
) -> None:
    memory = ScreenMemory(tmp_path / "screen.json")
    app = board_of(on_disk(tmp_path), memory)
    async with show(app, size) as pilot:
        await until(pilot, lambda: all_read(app))
        await press(pilot, "B")
        assert "3 of 3 runs done" in screen_text(app)
        assert "1 loss" in screen_text(app)  # the charts stay
        assert rows_of(app) == ["late", "fast", "slow"]
        await press(pilot, "O")
        assert rows_of(app) == ["fast", "late", "slow"]
        await press(pilot, "I")
        assert rows_of(app) == ["slow", "late", "fast"]
        assert app.dashboard is not None
        state = app.dashboard.view_state
        await press(pilot, "k", "k", "k", "j")  # from the first row one down
        assert state.selected_run is not None
        assert state.selected_run.run == "set/late"
        await press(pilot, "x", "p", "j")
        assert state.sets.hidden == {"set/late"}
        assert state.selected_run.run == "set/fast"
        assert "◆" in screen_text(app)
        assert "1 hidden" in screen_text(app)
        await press(pilot, "z", "x", "x")
        assert state.sets.hidden == {"set/late"}
    memory.close()
    again = board_of(on_disk(tmp_path), ScreenMemory(tmp_path / "screen.json"))
    async with show(again, size) as pilot:
        await until(pilot, lambda: rows_of(again) == ["slow", "late", "fast"])
        assert again.dashboard is not None
        assert again.dashboard.view_state.sets.baseline == str(tmp_path / "set" / "late")


async def test_a_run_of_another_set_becomes_the_baseline(tmp_path: Path) -> None:
    made_run(tmp_path / "old-one", [0.3, 0.35, 0.4])
    session = on_disk(tmp_path)
    app = board_of(session)
    async with show(app, (140, 40)) as pilot:
        await until(pilot, lambda: all_read(app))
        await press(pilot, "J")
        await until(pilot, lambda: "old-one" in screen_text(app))
        await press(pilot, "slash", *"old", "enter", "enter")
        await until(pilot, lambda: "baseline old-one" in screen_text(app))
        await press(pilot, "J")
        await until(pilot, lambda: "old-one · yesterday" in screen_text(app) or "old-one ·" in screen_text(app))
        await press(pilot, "g", "enter")
        await until(pilot, lambda: "baseline old-one" not in screen_text(app))


async def test_a_baseline_that_is_gone_is_dropped_with_one_message(tmp_path: Path) -> None:
    app = board_of(on_disk(tmp_path))
    async with show(app, (100, 30)) as pilot:
        await until(pilot, lambda: all_read(app))
        assert app.dashboard is not None
        sets = app.dashboard.view_state.sets
        sets.baseline = str(tmp_path / "2026-11-28_190000_wine_d0be")
        app.dashboard.redraw()
        await until(pilot, lambda: "the baseline wine d0be is gone from disk" in screen_text(app))
        assert sets.baseline == ""
        app.dashboard.query_one(Footer).flash("", error=False, until=0.0)  # its time is over
        await press(pilot, "z")
        app.dashboard.tick(monotonic() + 20)
        await until(pilot, lambda: "is gone from disk" not in screen_text(app))


@pytest.mark.parametrize("kind", [ChartKind.LOSS, ChartKind.RATE, ChartKind.NORM, ChartKind.METRIC, ChartKind.SPEED])
def test_the_baseline_is_behind_every_chart_and_hidden_runs_are_not_drawn(kind: ChartKind) -> None:
    states = three()
    other = made_state("elsewhere", [0.2, 0.3, 0.35], settings(0.7))

    def drawn(view: View) -> tuple[int, str]:
        data = chart_data(kind, states, 0, view, 100, 30)
        curves = [layer for layer in data.layers if getattr(layer, "role", "") == "branch"]
        first = next(index for index, layer in enumerate(data.layers) if type(layer).__name__ == "Curve")
        assert not curves or data.layers[first] in curves  # below all others
        return len(curves), " ".join(entry.text for entry in data.legend)

    count, legend = drawn(View())
    assert count == 0
    assert "fast" in legend
    count, legend = drawn(View(baseline=Baseline(other), hidden=frozenset(["set/fast"])))
    assert count > 0
    assert "baseline elsewhere" in legend
    assert "fast" not in legend
    assert "late" in legend
    # A run of the set is drawn once, and in front as any other.
    _, legend = drawn(View(baseline=Baseline(states[1])))
    assert legend.count("fast") == 1
    assert "baseline" not in drawn(View(baseline=Baseline(states[0])))[1]


async def test_only_changes_are_drawn(tmp_path: Path) -> None:
    session = FakeSession("set/a", "set/b")
    for run in session.runs:
        session.play(*events_of(run, [0.5, 0.6], settings(), over=False, epochs=5), run=run)
    app = app_over(session)
    async with show(app, (100, 30)) as pilot:
        await press(pilot, "B")
        await until(pilot, lambda: "0 of 2 runs done" in screen_text(app))
        before = screen_text(app)
        assert app.dashboard is not None
        drawn: list[int] = []
        redraw = app.dashboard.redraw
        app.dashboard.redraw = lambda: (drawn.append(1), redraw())[1]  # type: ignore[method-assign]
        calm = 0

        def undisturbed() -> bool:  # a thread that reads may end late, and is drawn once
            nonlocal calm, before
            calm = 0 if drawn or screen_text(app) != before else calm + 1
            drawn.clear()
            before = screen_text(app)
            return calm == 20

        await until(pilot, undisturbed)
        assert session.sent == []
