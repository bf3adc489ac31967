"""Charts of recorded pictures: at every size, in every character set, for one and several runs."""

from __future__ import annotations

from typing import Any

import pytest

from tui_trainer.components.optimizers.first_order import SGD
from tui_trainer.components.schedulers.builtin import Constant, Cosine
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import (
    AnyDrawing,
    Axis,
    Bars,
    Contour,
    Counts,
    Group,
    Heat,
    Histogram,
    Line,
    Lines,
    Points,
    Rule,
    Spots,
    taken,
)
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.model import Area, CenteredText, Curve, Trail
from tui_trainer.ui.charts.palette import FRONT_RUNS, RUNS, palette
from tui_trainer.ui.charts.pictures.results import grid_of
from tui_trainer.ui.charts.registry import ChartKind, PicturePane, chart_data, pane_named, panes_of, picture_panes
from tui_trainer.ui.charts.view import View
from tui_trainer.ui.render.plot import draw
from tui_trainer.ui.render.raster import GLYPHS, GlyphName

SIZES = [(76, 20), (140, 37), (196, 56), (38, 7), (40, 12), (20, 5), (8, 3), (1, 1)]
BOWL = tuple(tuple(float(x * x + 4 * y * y) for x in range(-6, 7)) for y in range(-4, 5))
KINDS: dict[str, AnyDrawing] = {
    "lines": Lines(
        title="curves",
        x=Axis(label="batch", log=True),
        y=Axis(log=True),
        lines=(
            Line(name="theory", x=(1, 10, 100), y=(1, 0.1, 0.01)),
            Line(name="bound", x=(1, 100), y=(2, 0.02), dotted=True),
        ),
        spots=(Spots(name="theory", x=(1, 100), y=(1.1, 0.011)),),
        levels=(Rule(at=0.5, text="half"),),
    ),
    "bars": Bars(
        title="layers",
        y=Axis(log=True),
        labels=("hidden1", "hidden2", "output"),
        groups=(Group(name="gradient", values=(0.0, 1e-3, 1.0)), Group(name="movement", values=(1e-2, None, 0.1))),
    ),
    "heat": Heat(title="table", columns=("cat", "dog"), rows=("cat", "dog"), values=((9, 1), (None, 8)), low=0),
    "contour": Contour(
        title="path",
        x=Axis(low=-6, high=6),
        y=Axis(low=-4, high=4),
        values=BOWL,
        levels=(2, 8, 18, 32, 50),
        paths=(Line(name="path", x=(5, -4, 3, -1, 900, 0), y=(3, 2, -1, 0, 900, 0)),),
        spots=(Spots(name="start", x=(5,), y=(3,)),),
    ),
    "points": Points(
        title="cloud",
        x=Axis(label="true"),
        spots=(Spots(name="validation", x=(0, 1, 2), y=(0, 1.5, 2)),),
        diagonal=True,
    ),
    "histogram": Histogram(
        title="weights",
        groups=(
            Counts(name="hidden1", low=-1, high=1, counts=(1, 2, 5, 2)),
            Counts(name="output", low=0, high=9, counts=(1,)),
        ),
    ),
}
REGIONS = Contour(
    title="boundary",
    x=Axis(low=0, high=1),
    y=Axis(low=0, high=1),
    values=((0, 0, 1), (0, 1, 2)),
    regions=("a", "b", "c"),
    spots=(Spots(name="a", x=(0.1,), y=(0.1,)), Spots(name="b", x=(0.9,), y=(0.1,))),
)


def of(drawing: AnyDrawing, name: str = "shot", run: str = "run", **numbers: float) -> RunState:
    """A run with one recorded picture."""
    state = RunState(run=run)
    state.apply(ev.RunStarted(title=run, config={"pictures": [{"kind": name}]}))
    state.apply(taken(name, drawing, dict(numbers), step=3, epoch=1))
    return state


def text(
    states: list[RunState],
    width: int = 76,
    height: int = 20,
    glyphs: GlyphName = "braille",
    colors: bool = True,
    **view: Any,
) -> str:
    pane = picture_panes(states, 0)[0]
    looks = palette(depth="full" if colors else "none")
    strips = draw(chart_data(pane, states, 0, View(**view), width, height), width, height, looks, glyphs)
    assert [strip.cell_length for strip in strips] == [width] * height
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


@pytest.mark.parametrize("glyphs", GLYPHS)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("drawing", [*KINDS.values(), REGIONS], ids=lambda drawing: drawing.title)
def test_every_kind_fills_its_cells_at_every_size(drawing, size, glyphs):
    for log_y in (False, True):
        shown = text([of(drawing)], *size, glyphs, log_y=log_y)
        assert "cannot be drawn" not in shown
        if glyphs == "ascii":
            assert shown.isascii()


def test_lines_have_names_and_readouts():
    shown = text([of(KINDS["lines"], slope=-1.0, **{"with/8": 0.99})], 100)
    assert "7 curves" in shown
    assert "theory" in shown
    assert "slope -1" in shown
    assert "with/8" not in shown
    assert "batch" in shown
    assert "100" in shown.splitlines()[-1]


def test_bars_on_a_logarithmic_axis_show_zero_as_a_label():
    shown = text([of(KINDS["bars"])])
    assert [name for name in ("hidden1", "hidden2", "output", "gradient", "movement") if name not in shown] == []
    assert "0" in shown.splitlines()[-3].split("┤")[-1].strip("│ ⣿")[:1]
    drawn = chart_data(picture_panes([of(KINDS["bars"])], 0)[0], [of(KINDS["bars"])], 0, View(), 76, 20)
    assert len([layer for layer in drawn.layers if isinstance(layer, Curve)]) == 4


def test_many_layers_are_sampled():
    many = Bars(labels=tuple(f"layer{k}" for k in range(60)), groups=(Group(name="g", values=tuple(range(60))),) * 3)
    assert "19 of 60" in text([of(many)], 84)


@pytest.mark.parametrize("count", [2, 5, 10])
def test_names_of_bars_start_at_the_left_edge(count):
    """A name wider than its bars extends to the right, over names that were left out."""
    groups = (Group(name="grad", values=(1,) * count),) * 3
    deep = Bars(labels=tuple(f"hidden{k}" for k in range(count)), groups=groups)
    for width in range(30, 120):
        names = text([of(deep)], width).splitlines()[-1].split()
        assert names[0].endswith("0"), f"{width} cells: {names}"
        assert names[-1].endswith(str(count - 1)), f"{width} cells: the last one is named: {names}"
        assert [name for name in names if not name.startswith(("h", "…"))] == [], f"{width} cells"


@pytest.mark.parametrize("width", [60, 78])
def test_a_table_shows_full_row_names(width):
    rows = ("sigmoid", "leaky-relu", "softplus-of-x")
    table = Heat(title="table", columns=("a", "b"), rows=rows, values=((1, 2), (3, 4), (5, 6)))
    shown = text([of(table)], width)
    assert [name for name in rows if name not in shown] == []


def test_columns_that_begin_alike_have_different_labels():
    columns = ("zero", "normal-001", "normal-01", "normal-1", "torch-default", "xavier", "kaiming", "orthogonal-1",
               "orthogonal-root2")  # fmt: skip
    table = Heat(title="table", columns=columns, rows=("sigmoid", "leaky-relu"), values=((1,) * 9, (2,) * 9))
    feet = text([of(table)], 78).splitlines()[-1].split()
    # In this order and whole: plotext keeps ticks in a set, so labels used to move and vanish with the hash seed.
    assert feet == ["zero", "no…001", "nor…01", "norm…1", "torch…", "xavier", "kaimi…", "orth…1", "root2"]
    for width in range(70, 140):  # the last one used to vanish at half of the widths
        feet = text([of(table)], width).splitlines()[-1].split()
        assert len(set(feet)) == 9, f"at {width}: {feet}"


def depths(*steps: int) -> RunState:
    """A run of fifty steps per epoch that recorded its layers at these steps; the first gradient is zero."""
    state = RunState(run="deep")
    state.apply(ev.RunStarted(title="deep", steps_per_epoch=50, epochs=10, config={"pictures": [{"kind": "layers"}]}))
    state.apply(ev.Scalars(step=steps[-1], steps=list(steps), seconds=[1.0] * len(steps), values={}))
    for step in steps:
        groups = (Group(name="grad", values=(0, 10.0**-step, 0.1)), Group(name="moved", values=(step, step, step)))
        drawing = Bars(title="layers", y=Axis(log=True), labels=("hidden1", "hidden2", "output"), groups=groups)
        state.apply(taken("layers", drawing, {}, step=step, epoch=step // 50))
    return state


def test_the_name_of_a_curve_does_not_cover_that_of_a_level():
    for end in range(100, 220):
        line = Line(name="cross-entropy", x=(0, 1, 2), y=(4.0, 0.0, end / 100))
        shown = text([of(Lines(lines=(line,), levels=(Rule(at=2.3, text="guessing 2.3"),)))])
        assert "guessing 2.3" in shown, f"at {end / 100}:\n{shown}"


def test_one_group_of_bars_is_drawn_over_time():
    states = [depths(0, 1, 2, 3)]
    pane = picture_panes(states, 0)[0]
    drawn = chart_data(pane, states, 0, View(bars=1), 76, 20)
    assert drawn.name == "layers: grad over time"
    assert [layer.low for layer in drawn.layers if isinstance(layer, Curve)] == [
        (1.0, 0.1, 0.01, 0.001),
        (0.1,) * 4,
    ]
    assert next(layer.x for layer in drawn.layers if isinstance(layer, Curve)) == (0, 0.02, 0.04, 0.06)
    shown = text(states, bars=1)
    assert "hidden1 0" in shown, "a value of exactly zero is in the legend"
    assert "hidden2" in shown
    assert "epoch" in shown.splitlines()[-1]
    assert "moved over time" in text(states, bars=2)
    assert "over time" not in text(states)


def test_bars_that_are_all_zero_have_a_message():
    state = RunState(run="sign")
    state.apply(ev.RunStarted(title="sign", config={"pictures": [{"kind": "layers"}]}))
    zero = Bars(title="layers", y=Axis(log=True), labels=("hidden1",), groups=(Group(name="grad", values=(0,)),))
    state.apply(taken("layers", zero, {}, step=0))
    assert "all values are zero so far" in text([state], bars=1)


def test_an_undo_removes_the_pictures_of_the_abandoned_branch():
    state = depths(0, 50, 100, 150)
    restored = ev.Restored(
        from_step=150, undid="7", seconds=1, epochs=10, lr=0.1, clip_grad_norm=0, patience=5, min_delta=0,
        early_stopping=False, bad_epochs=0, plan=LrPlan.begin(Constant(), 0.1, step=0, end=500, steps_per_epoch=50),
        optimizer=SGD(lr=0.1),
    )  # fmt: skip
    state.apply(ev.RolledBack(to="set lr", from_epoch=1, step=60, restored=restored))
    assert state.pictures == {}
    assert list(state.histories["layers/moved/output"].steps) == [0, 50]
    assert "not recorded yet" in text([state])
    kept = depths(0, 50)
    kept.apply(ev.RolledBack(to="set lr", from_epoch=1, step=60, restored=restored))
    assert kept.pictures["layers"].step == 50
    back = depths(0, 50)
    back.apply(ev.RolledBack(to="best", from_epoch=0, step=50))
    assert set(back.pictures) == {"layers"}, "a rollback keeps the pictures"


def test_a_table_shows_numbers_and_shades_without_colours():
    shown = text([of(KINDS["heat"])])
    assert "9" in shown
    assert "█" in shown
    assert "·" in shown
    assert [line for line in shown.splitlines() if line.strip().startswith("cat")]
    assert "-" in [layer.text.strip() for layer in _layers(KINDS["heat"]) if isinstance(layer, CenteredText)]


def _layers(drawing: AnyDrawing) -> tuple[Any, ...]:
    state = of(drawing)
    return chart_data(picture_panes([state], 0)[0], [state], 0, View(), 76, 20).layers


def test_a_contour_has_lines_and_a_path():
    shown = text([of(KINDS["contour"])])
    body = shown[shown.index("\n") :]
    assert not any(shade in body for shade in "·░▒▓█")
    assert "●" in body
    lines = [layer for layer in _layers(KINDS["contour"]) if isinstance(layer, Trail) and layer.role == "contour"]
    assert lines
    for line in lines:  # x² + 4y² is constant along the ends of each piece, about: pieces are chords
        assert (
            min(
                abs(x * x + 4 * y * y - level)
                for x, y in zip(line.x, line.y, strict=True)
                for level in (2, 8, 18, 32, 50)
            )
            < 1.5
        )


def test_a_plane_keeps_its_aspect():
    """A unit is as long across as upward: a cell is twice as high as wide."""
    state = of(KINDS["contour"])
    for width, height in ((76, 20), (40, 30), (140, 37)):
        shown = chart_data(picture_panes([state], 0)[0], [state], 0, View(), width, height)
        area = Area.of(width, height)
        across = (shown.x.high - shown.x.low) / area.columns
        upward = (shown.y.high - shown.y.low) / area.rows / 2
        assert across == pytest.approx(upward)
        assert shown.x.low <= -6 < 6 <= shown.x.high
        assert shown.y.low <= -4 < 4 <= shown.y.high


def test_a_plane_that_cannot_keep_its_aspect_says_so():
    narrow = KINDS["contour"].model_copy(update={"x": Axis(low=0, high=1000), "y": Axis(low=-1, high=1)})
    assert " · up x" in text([of(narrow)]).splitlines()[0]


def winding(steps: int) -> Contour:
    """A path of many steps that goes up and down."""
    path = Line(
        name="path", x=tuple(5 - 10 * k / steps for k in range(steps + 1)), y=tuple((-1) ** k for k in range(steps + 1))
    )
    return KINDS["contour"].model_copy(update={"paths": (path,)})  # pyright: ignore[reportReturnType]


def test_the_newest_steps_of_a_path_are_bright_and_the_older_ones_dim():
    trails = [layer for layer in _layers(winding(100)) if isinstance(layer, Trail) and layer.role != "contour"]
    assert [(layer.role, len(layer.x), layer.joined) for layer in trails] == [
        ("train-band", 81, False),
        ("train", 21, True),
    ]
    assert len([layer for layer in _layers(winding(20)) if isinstance(layer, Trail) and layer.role == "train"]) == 1


def test_a_zoomed_plane_is_that_around_the_newest_steps():
    state = of(winding(100))
    shown = chart_data(picture_panes([state], 0)[0], [state], 0, View(span=(0, 1)), 76, 20)
    assert -7 < shown.x.low < -5 < -3 < shown.x.high < -1
    assert "last 20 steps" in [note.text for note in shown.notes]


def test_regions_and_their_points_differ_without_colours():
    shown = text([of(REGIONS)], colors=False)
    assert all(shade in shown for shade in "·░▒")
    assert "● a" in shown
    assert "★ b" in shown


def test_regions_are_shaded_by_certainty():
    """Half a cell is one point of the map; without colours cells near the boundary are blank."""
    certain = tuple(tuple(abs(x - 4.5) / 4.5 for x in range(10)) for _ in range(6))
    classes = tuple(tuple(float(x > 4) for x in range(10)) for _ in range(6))
    drawing = Contour(
        title="boundary", x=Axis(low=0, high=9), y=Axis(low=0, high=5), values=classes, regions=("left", "right"),
        certainty=certain,
    )  # fmt: skip
    state = of(drawing)
    shown = chart_data(picture_panes([state], 0)[0], [state], 0, View(), 76, 20)
    grounds = [segment.style.bgcolor for segment in draw(shown, 76, 20, palette())[10] if "▀" in segment.text]
    assert len(grounds) == 8, "four shades of each of the two classes"
    assert len(set(grounds)) == 8
    row = text([state], 76, colors=False).splitlines()[10]
    assert "····   " in row
    assert "  ░░░░" in row


def test_each_of_several_runs_has_its_own_colour():
    runs = [of(KINDS["contour"], run="set/a"), of(KINDS["contour"], run="set/b")]
    drawn = chart_data(picture_panes(runs, 1)[0], runs, 1, View(), 76, 20)
    trails = [layer.role for layer in drawn.layers if isinstance(layer, Trail) and layer.role != "contour"]
    behind, front = run_colors(runs)
    assert behind != front
    assert trails == [RUNS[behind], FRONT_RUNS[front]]
    assert [entry.text for entry in drawn.legend[:2]] == ["b", "a"]
    other = Lines(title="others", lines=(Line(name="its own", x=(1, 10), y=(1, 2)),))
    lines = [of(KINDS["lines"], run="set/a"), of(other, run="set/b")]
    drawn = chart_data(picture_panes(lines, 0)[0], lines, 0, View(), 76, 20)
    roles = {layer.role for layer in drawn.layers if isinstance(layer, Curve)}
    assert roles == {FRONT_RUNS[behind], RUNS[front]}
    crowd = [of(other, run="set/a"), *(of(KINDS["lines"], run=f"set/{name}") for name in "bcdefgh")]
    assert _curves(crowd[:7]) == 7
    assert _curves(crowd) == len(other.lines)


def test_readouts_come_before_the_names_of_background_runs():
    """Names also stand at the ends of curves, and the title is too short for all of them."""
    states = [of(KINDS["lines"], run=f"set/{name}", first=1.0) for name in ("typical", "no-momentum", "short-memory")]
    for index, state in enumerate(states):
        drawing = KINDS["lines"].model_copy(update={"title": f"curves {index}"})
        state.apply(taken("shot", drawing, {"first": 1.0}, step=4))
    assert "first 1" in text(states, 78).splitlines()[0]


def test_equal_drawings_of_several_runs_are_drawn_once():
    lines = [of(KINDS["lines"], run="set/a"), of(KINDS["lines"], run="set/b")]
    assert _curves(lines) == _curves(lines[:1])
    assert "━ b" not in text(lines)


def _curves(states: list[RunState]) -> int:
    drawn = chart_data(picture_panes(states, 0)[0], states, 0, View(), 76, 20)
    return sum(isinstance(layer, Curve) for layer in drawn.layers)


def test_the_numbers_of_a_single_item_are_readouts():
    numbers = {"max_derivative/tanh": 1.0, "zero_share/tanh": 0.0}
    assert "max slope 1" in text([of(KINDS["lines"], **numbers)], 100)
    assert "max derivative" not in text([of(KINDS["lines"], **numbers, **{"zero_share/relu": 0.5})], 100)


def test_a_constant_rate_comes_last_after_pictures(make_run):
    state = make_run(steps=40)
    state.apply(taken("coverage", KINDS["bars"], {}))
    state.plan = LrPlan(scheduler=Constant(), base=0.1, length=40, end=40, steps_per_epoch=10, anchor_step=0)
    state.marks = []
    assert panes_of([state], 0)[-1] is ChartKind.RATE
    state.plan = LrPlan(scheduler=Cosine(), base=0.1, length=40, end=40, steps_per_epoch=10, anchor_step=0)
    assert panes_of([state], 0)[2] is ChartKind.RATE


def test_unknown_and_future_pictures_have_a_message():
    state = RunState(run="run")
    state.apply(ev.RunStarted(config={"pictures": [{"kind": "layers"}]}))
    assert "not recorded yet" in text([state])
    state.apply(ev.PictureTaken(name="layers", kind="hologram"))
    assert "another version" in text([state])


def test_pictures_alternate_with_charts_and_have_the_next_keys(make_run):
    state = make_run(steps=40, layers=("fc",))
    assert panes_of([state], 0) == tuple(ChartKind)
    for name in ("layers", "path", "coverage", "memory"):
        state.apply(taken(name, KINDS["bars"], {}))
    assert picture_panes([state], 0) == (
        PicturePane("layers", 7),
        PicturePane("path", 8),
        PicturePane("coverage", 9),
        PicturePane("memory", 0),
    )
    assert panes_of([state], 0)[:4] == (
        ChartKind.LOSS,
        PicturePane("layers", 7),
        ChartKind.RATE,
        PicturePane("path", 8),
    )
    assert pane_named("layers", [state], 0) == PicturePane("layers", 7)
    assert pane_named("loss", [state], 0) is ChartKind.LOSS
    assert pane_named("nothing", [state], 0) is None


def results(*names: str) -> list[RunState]:
    states = []
    for index, name in enumerate(names):
        state = RunState(run=f"grid/{name}")
        state.apply(ev.RunStarted(title=name))
        value = None if index == 0 else index / 10
        state.apply(ev.EpochEnded(epoch=1, step=5, seconds=1, metrics={"val_accuracy": value}))
        states.append(state)
    return states


@pytest.mark.parametrize(
    "names",
    [
        ("tanh-xavier", "tanh-kaiming", "leaky-relu-xavier", "leaky-relu-kaiming"),
        ("xavier-normal-tanh", "xavier-normal-leaky-relu", "zeros-tanh", "zeros-leaky-relu"),
        ("tanh/xavier", "tanh/kaiming", "relu/xavier", "relu/kaiming"),
    ],
)
def test_runs_named_by_row_and_column_form_a_results_table(names):
    runs = results(*names)
    assert len({row for row, _ in grid_of(runs)}) == 2
    assert picture_panes(runs, 0)[0] == PicturePane("results", 7)
    shown = text(runs)
    assert "validation accuracy of 4 runs" in shown
    assert "best 0.3" in shown
    assert all(value in shown for value in ("0.1", "0.2", "0.3", " - "))
    runs[1].apply(ev.Scalars(step=7, steps=[7], seconds=[2.0], values={"train_loss": [1.0]}))
    assert "epoch" not in text(runs), "the table shows the newest values, of no single epoch"


@pytest.mark.parametrize("names", [("gd", "sgd"), ("a-b", "c-d", "e-f", "g-h"), ("a", "b", "c", "d")])
def test_other_sets_form_no_table(names):
    assert grid_of(results(*names)) == {}


def test_a_trail_is_clipped_at_the_edge_of_the_plot():
    far = Contour(x=Axis(low=0, high=1), y=Axis(low=0, high=1), values=((0, 0), (0, 0)), paths=(
        Line(name="p", x=(0.5, 1e12), y=(0.5, 0.5 + 1e12)),
    ))  # fmt: skip
    shown = text([of(far)], 60, 20)
    assert sum(0x2800 < ord(character) < 0x2900 for character in shown) > 8
