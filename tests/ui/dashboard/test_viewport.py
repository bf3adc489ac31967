"""Viewport, layout and redraw budget."""

from __future__ import annotations

import pytest

from tests.ui.fake_session import (
    EPOCHS,
    STEPS,
    app_over,
    press,
    running,
    screen_text,
    show,
    started,
    trained,
)
from tui_trainer.protocol.pictures import Bars, Group, taken
from tui_trainer.state.run_state import Mark, RunState
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.dashboard import viewport
from tui_trainer.ui.dashboard.layout import LayoutRequest, arrange, chart_cells
from tui_trainer.ui.panels.intervention_card import before_after, card
from tui_trainer.ui.redraw_budget import RedrawBudget

FULL = (0.0, 500.0)


def state(steps: int = 200) -> RunState:
    found = RunState(run="digits")
    for event in [started(), *trained(steps)]:
        found.apply(event)
    return found


def test_the_extent_includes_the_steps_to_come() -> None:
    assert viewport.extent(state()) == (0, STEPS * EPOCHS)
    assert viewport.extent(None) == (0, 1)


def test_zooming_keeps_the_step_in_its_place_and_ends_at_the_full_run() -> None:
    near = viewport.zoomed(View(), 0.5, FULL, FULL, 100)
    assert near.span == (50, 300)
    assert viewport.zoomed(near, 4, (50, 300), FULL, 100).span is None
    narrow = View()
    for _ in range(30):
        narrow = viewport.zoomed(narrow, 0.5, narrow.span or FULL, FULL, 100)
    assert narrow.span is not None
    assert narrow.span[1] - narrow.span[0] == viewport.NARROWEST


def test_panning_stays_within_the_run() -> None:
    view = View(span=(100, 200))
    assert viewport.panned(view, -5, FULL).span == (0, 100)
    assert viewport.panned(view, 50, FULL).span == (400, 500)
    assert viewport.panned(View(), 1, FULL) == View()


def test_a_span_from_the_mouse_stays_within_the_run() -> None:
    assert viewport.spanned(View(), (-50, 50), FULL).span == (0, 100)
    assert viewport.spanned(View(), (450, 550), FULL).span == (400, 500)
    assert viewport.spanned(View(span=(1, 2)), (-1e9, 1e9), FULL).span is None
    assert viewport.spanned(View(span=(1, 2)), None, FULL).span is None


def test_the_cursor_begins_at_the_newest_step_and_stays_within_the_steps_taken() -> None:
    run = state()
    first = viewport.cursor_moved(View(), -1, 100, FULL, run)
    assert first.cursor == 200
    assert viewport.cursor_moved(first, -1, 100, FULL, run).cursor == 195
    assert viewport.cursor_moved(first, 9, 100, FULL, run).cursor == 200
    assert viewport.cursor_at(View(), -7, run).cursor == 0


def test_the_span_follows_the_cursor() -> None:
    moved = viewport.cursor_at(View(span=(100, 150)), 20, state())
    assert moved.span is not None
    assert moved.span[0] <= 20 <= moved.span[1]


def test_zoom_toggles() -> None:
    run = state()
    near = viewport.zoom_switched(View(), run)
    assert near.span == (150, 200)
    assert viewport.zoom_switched(near, run) == View()
    assert viewport.zoom_switched(View(cursor=100), run).span == (75, 125)
    assert viewport.zoom_switched(View(), None) == View()


def test_smoothing_cycles() -> None:
    view, seen = View(), set[str]()
    for _ in range(7):
        view = viewport.next_smoothing(view)
        seen.add(viewport.smoothing_text(view))
    assert view == View()
    assert len(seen) == 7


def test_neighbouring_interventions_of_the_cursor() -> None:
    run = state()
    run.marks = [Mark(step=step, letter="n", text=str(step)) for step in (30, 10, 20)]

    def step(cursor: float | None, forward: bool) -> int | None:
        mark = viewport.neighbour_mark(run, cursor, forward)
        return mark.step if mark is not None else None

    assert step(None, False) == 30
    assert step(20, False) == 10
    assert step(20, True) == 30
    assert step(30, True) is None
    assert viewport.neighbour_mark(state(), None, True) is None


def test_a_card_compares_before_with_after() -> None:
    run = state()
    before, after = before_after(run.series["train_loss"], 100, 15)
    assert before is not None
    assert after is not None
    assert before > after
    text = card(run, Mark(step=100, letter="l", text="learning rate 0.1, was 0.2", by="ann@host"), 80).plain
    for words in ("learning rate 0.1, was 0.2", "step 100, epoch 2.0", "ann@host", "train loss", "→"):
        assert words in text


def test_a_card_at_the_first_step_has_no_values_before() -> None:
    assert card(RunState(), Mark(step=0, letter="n", text="x"), 40).plain


CONTENTS = [
    LayoutRequest(
        charts=charts, pictures=pictures, chosen=alone, alone=alone, lesson=lesson, page=page, full_log=full_log
    )
    for charts, pictures in ((5, False), (1, False), (8, True))
    for alone in (False, True)
    for lesson in (False, True)
    for page in (False, True)
    for full_log in (False, True)
]


def test_every_size_is_arranged_within_its_cells() -> None:
    for width in range(1, 301, 7):
        for height in range(1, 101, 2):
            for contents in CONTENTS:
                found = arrange(width, height, contents)
                room = height - found.header - found.footer - found.below
                case = (width, height, contents, found)
                assert room >= 0, case
                assert found.rail < width, case
                assert found.charts <= max(contents.charts, 1), case
                assert found.below or found.charts or found.rail or height < 3, case
                left = width - found.rail
                for x, y, wide, high in chart_cells(found, left, room, contents.charts) if found.charts else ():
                    assert x >= 0, case
                    assert x + wide <= left, case
                    assert y >= 0, case
                    assert y + high <= room, case
                    assert high > 0, case


def test_charts_never_overlap() -> None:
    for contents in CONTENTS:
        found = arrange(200, 60, contents)
        cells = chart_cells(found, 150, 45, contents.charts)
        covered = [
            (column, row) for x, y, wide, high in cells for column in range(x, x + wide) for row in range(y, y + high)
        ]
        assert len(covered) == len(set(covered))


@pytest.mark.parametrize(
    ("size", "large", "small", "rail", "numbers", "sparklines", "log"),
    [
        ((200, 60), 1, 4, 50, 0, 0, 9),
        ((140, 40), 1, 3, 43, 0, 0, 6),
        ((100, 30), 1, 0, 0, 2, 2, 3),
        ((80, 24), 1, 0, 0, 2, 2, 3),
        ((40, 12), 1, 0, 0, 1, 0, 0),
        ((20, 5), 0, 0, 0, 4, 0, 0),
        ((1, 1), 0, 0, 0, 1, 0, 0),
    ],
    ids=["200x60", "140x40", "100x30", "80x24", "40x12", "20x5", "1x1"],
)
def test_usual_sizes(
    size: tuple[int, int], large: int, small: int, rail: int, numbers: int, sparklines: int, log: int
) -> None:
    found = arrange(*size, LayoutRequest(charts=5))
    assert (found.large, found.columns * found.rows) == (large, small)
    assert (found.rail, found.numbers, found.sparklines, found.log) == (rail, numbers, sparklines, log)


@pytest.mark.parametrize(
    ("size", "rail", "page"),
    [((140, 40), 43, 0), ((100, 30), 43, 0), ((99, 30), 0, 9), ((80, 24), 0, 9), ((40, 12), 0, 5), ((20, 5), 0, 3)],
    ids=["140x40", "100x30", "99x30", "80x24", "40x12", "20x5"],
)
def test_a_page_opens_beside_the_charts_or_below_them(size: tuple[int, int], rail: int, page: int) -> None:
    found = arrange(*size, LayoutRequest(charts=5, page=True))
    assert (found.rail, found.page) == (rail, page)
    assert found.charts > 0 or size == (20, 5)


class Cpu:
    """A processor clock that a test advances."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def test_the_budget_limits_frame_rate_and_processor_share() -> None:
    cpu = Cpu()
    budget = RedrawBudget(max_fps=4, share=0.1, cpu=cpu)
    assert budget.due(0)
    budget.begin(0)
    cpu.time = 0.04  # painted: four hundredths of a second at a tenth of the time are due every 0.4 s
    assert not budget.due(0.2)
    assert not budget.due(0.39)
    assert budget.due(0.4)
    budget.begin(0.4)
    cpu.time += 0.001
    assert not budget.due(0.6)
    assert budget.due(0.65)


def test_a_slow_terminal_postpones_drawing() -> None:
    budget = RedrawBudget(max_fps=2, cpu=Cpu())
    budget.postpone(10)
    assert not budget.due(10.4)
    assert budget.due(10.5)


def test_one_expensive_drawing_does_not_stop_the_charts() -> None:
    cpu = Cpu()
    budget = RedrawBudget(max_fps=4, cpu=cpu)
    budget.begin(0)
    cpu.time = 60.0
    budget.due(1)
    assert budget.due(2.1)


def test_the_budget_limits_the_bytes_sent() -> None:
    sent = 0
    budget = RedrawBudget(max_fps=10, cpu=Cpu(), max_kbps=2, sent=lambda: sent)
    budget.begin(0.0)
    sent += 50_000  # the first picture
    now, drawn = 0.0, 0
    while now < 60:
        now += 0.1
        if budget.due(now):
            budget.begin(now)
            drawn += 1
            sent += 3_000
    assert 34 <= drawn <= 40  # 60 s at 2 kB/s, in drawings of 3 kB


async def test_bars_are_drawn_over_time_one_group_after_the_other() -> None:
    session = running()
    groups = (Group(name="grad", values=(0.1, 0.2)), Group(name="moved", values=(0.3, 0.4)))
    for step in (0, 200):
        session.play(taken("layers", Bars(title="layers", labels=("first", "head"), groups=groups), {}, step=step))

    app = app_over(session)

    async with show(app) as pilot:
        for words in ("layers: grad over time", "layers: moved over time", "layers ─"):
            await press(pilot, "h")
            assert words in screen_text(app)
        await press(pilot, "h", "escape")
        assert "layers: grad over time" in screen_text(app), "in its place among the charts it is the same"


async def test_without_bars_there_is_nothing_to_draw_over_time() -> None:
    app = app_over(running())

    async with show(app) as pilot:
        await press(pilot, "h")
        assert "no picture with bars" in screen_text(app).splitlines()[-2], "above the keys"
        assert "q quit" in screen_text(app).splitlines()[-1], "which stay"
