"""The chart data of each chart kind."""

from __future__ import annotations

import itertools

import pytest

from tui_trainer.components.schedulers.builtin import Constant, OneCycle, Plateau, Staircase
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol.commands import SetLearningRate
from tui_trainer.protocol.events import EpochEnded, LayersMeasured, RunFinished, Scalars, SettingChanged
from tui_trainer.protocol.events import Layer as MeasuredLayer
from tui_trainer.state.branching.branches import Branch, Ghost
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.charts.context import run_colors
from tui_trainer.ui.charts.model import Annotation, Curve, Level, MarkerLine, Scatter
from tui_trainer.ui.charts.palette import DIM_RUNS, FRONT_RUNS, RUNS
from tui_trainer.ui.charts.registry import ChartData, ChartKind, chart_data, charts_of, values_at, visible_span
from tui_trainer.ui.charts.view import AXES, View


def _chart(
    kind: ChartKind, *states: RunState, selected: int = 0, preview: LrPlan | None = None, **view: object
) -> ChartData:
    return chart_data(kind, states, selected, View(**view), 100, 20, preview)  # pyright: ignore[reportArgumentType]


def _curves(shown: ChartData, role: str) -> list[Curve]:
    return [layer for layer in shown.layers if isinstance(layer, Curve) and layer.role == role]


def _texts(shown: ChartData) -> str:
    return "  ".join(entry.text for entry in (*shown.notes, *shown.legend))


def test_chart_keys_are_numbered_from_one():
    assert [kind.key for kind in ChartKind] == [1, 2, 3, 4, 5, 6]


def test_a_run_without_metric_or_layers_has_no_charts_for_them(make_run):
    assert charts_of(None) == tuple(ChartKind)
    assert ChartKind.METRIC not in charts_of(make_run(steps=40, metric=""))
    assert ChartKind.LAYERS not in charts_of(make_run(steps=40))
    assert charts_of(make_run(steps=40, layers=("fc",))) == tuple(ChartKind)


def test_a_minimised_function_has_a_logarithmic_axis_while_it_is_positive(make_run):
    falling = make_run(lambda step: 10.0**-step, steps=40, metric="", task="minimise")
    assert _chart(ChartKind.LOSS, falling).y.log
    assert _chart(ChartKind.NORM, falling).y.log
    assert not _chart(ChartKind.RATE, falling).y.log
    assert ChartKind.METRIC not in charts_of(falling)
    noisy = make_run(lambda step: 1.0 - step % 3, steps=40, metric="", task="minimise")
    assert not _chart(ChartKind.LOSS, noisy).y.log


def test_the_suboptimality_replaces_the_metric(make_run):
    states = [make_run(steps=40, name="gd", metric="rmse"), make_run(steps=40, name="sgd", metric="rmse")]
    for index, state in enumerate(states):
        steps = list(range(41))
        values = {"suboptimality": [10.0 ** -(step / (index + 2)) for step in steps]}
        state.apply(Scalars(steps=steps, seconds=[step / 100 for step in steps], values=values))
    single = _chart(ChartKind.METRIC, states[0])
    assert (single.name, single.y.log) == ("suboptimality", True)
    assert "f - f* 1e-20" in _texts(single)
    assert single.y.low <= 1e-20 < 1 <= single.y.high
    both = _chart(ChartKind.METRIC, *states)
    assert "gd 1e-20" in _texts(both)
    assert "sgd 4.642e-14" in _texts(both)
    front, behind = run_colors(states)
    assert _curves(both, FRONT_RUNS[front])
    assert _curves(both, RUNS[behind])


def test_values_below_rounding_error_do_not_stretch_a_logarithmic_axis(make_run):
    """A method that ends at 1e-254 leaves the chart below 1e-32; the legend still shows its value."""
    state = make_run(steps=2, metric="")
    state.apply(Scalars(steps=[0, 1, 2], seconds=[0.0, 0.1, 0.2], values={"suboptimality": [1.0, 1e-9, 1e-254]}))
    shown = _chart(ChartKind.METRIC, state)
    assert shown.y.low == 1e-32
    assert "f - f* 1e-254" in _texts(shown)


@pytest.mark.parametrize("kind", ChartKind)
@pytest.mark.parametrize("axis", AXES)
def test_every_chart_of_every_run_has_data(make_run, kind: ChartKind, axis: str):
    for state in (RunState(), make_run([]), make_run([1.0]), make_run([None]), make_run(steps=33, metric="")):
        shown = _chart(kind, state, axis=axis)
        assert shown.number == kind.key
        assert shown.x.low < shown.x.high
        assert len(shown.steps) == 94


def test_a_chart_without_runs_has_a_message():
    assert _chart(ChartKind.LOSS).message == "no run"


def test_equal_runs_have_equal_charts(make_run):
    one, same = (_chart(ChartKind.LOSS, make_run(steps=100)) for _ in range(2))
    assert one == same
    assert hash(one) == hash(same)
    assert one != _chart(ChartKind.LOSS, make_run(steps=101))


def test_a_new_step_changes_only_the_end_of_a_curve(make_run):
    one, two = (_chart(ChartKind.LOSS, make_run(steps=steps)) for steps in (160, 161))
    assert (one.x, one.y) == (two.x, two.y)
    before, after = _curves(one, "train")[0], _curves(two, "train")[0]
    assert before.low[:-3] == after.low[: len(before.low) - 3]


def test_the_loss_chart_shows_training_validation_and_the_best_epoch(make_run):
    shown = _chart(ChartKind.LOSS, make_run(steps=200), smoothing=30)
    assert _curves(shown, "train-band")[0].faint
    assert _curves(shown, "train")
    assert _curves(shown, "validation")
    assert [layer.sign for layer in shown.layers if isinstance(layer, Scatter) and layer.role == "best"] == ["best"]
    assert "mean of 30" in _texts(shown)
    assert "@10" in _texts(shown)


def test_without_smoothing_the_raw_curve_is_in_front(make_run):
    shown = _chart(ChartKind.LOSS, make_run(steps=200), smoothing=0)
    assert not _curves(shown, "train-band")
    assert not _curves(shown, "train")[0].faint
    assert "mean of" not in _texts(shown)


def test_references_are_named_levels(make_run):
    shown = _chart(ChartKind.LOSS, make_run(steps=200, references={"guessing": 1.6, "far": 900.0}))
    assert [layer.text for layer in shown.layers if isinstance(layer, Level)] == ["guessing 1.6"]


@pytest.mark.parametrize("scheduler", [Constant(), OneCycle(), Staircase()])
def test_future_rates_follow_the_plan(make_run, scheduler):
    state = make_run(steps=100, scheduler=scheduler)
    shown = _chart(ChartKind.RATE, state)
    (coming,) = _curves(shown, "plan")
    assert coming.dotted
    assert coming.x[0] == 100
    assert coming.x[-1] == state.total_steps
    assert list(coming.low) == [state.plan.rate(round(step)) for step in coming.x]
    assert len(coming.x) <= 2 * 93 + 2


def test_the_rate_chart_reaches_to_the_planned_end_and_the_others_do_not(make_run):
    state = make_run(steps=100)
    assert _chart(ChartKind.RATE, state).span == (0, 400)
    assert _chart(ChartKind.LOSS, state).span[1] < 400


def test_a_schedule_that_monitors_a_metric_continues_at_the_present_rate(make_run):
    state = make_run(steps=100, scheduler=Plateau())
    state.lr = 0.003
    (coming,) = _curves(_chart(ChartKind.RATE, state), "plan")
    assert list(coming.low) == pytest.approx([0.003] * len(coming.low))


def test_a_finished_run_has_no_future_rates(make_run):
    state = make_run(steps=100)
    state.apply(RunFinished(step=100, reason="stopped"))
    shown = _chart(ChartKind.RATE, state)
    assert not _curves(shown, "plan")
    assert shown.span == (0, 100)


def test_a_previewed_plan_is_drawn_next_to_the_one_in_force(make_run):
    state = make_run(steps=100)
    plan = LrPlan.begin(OneCycle(), 0.2, step=100, end=500, steps_per_epoch=20)
    shown = _chart(ChartKind.RATE, state, preview=plan)
    (preview,) = _curves(shown, "preview")
    assert list(preview.low) == [plan.rate(round(step)) for step in preview.x]
    assert _curves(shown, "plan")
    assert shown.span[1] == 500
    assert "one-cycle" in _texts(shown)


def test_the_clip_is_a_level_on_the_gradient_norm(make_run):
    shown = _chart(ChartKind.NORM, make_run(steps=100, clip=1.2))
    assert [layer.y for layer in shown.layers if isinstance(layer, Level)] == [1.2]
    assert "clip 1.2" in _texts(shown)
    assert not [layer for layer in _chart(ChartKind.NORM, make_run(steps=100)).layers if isinstance(layer, Level)]


def test_the_metric_chart_shows_r2(make_run):
    state = make_run(steps=100, metric="rmse")
    state.apply(EpochEnded(step=101, epoch=6, seconds=1, metrics={"val_r2": 0.87}))
    shown = _chart(ChartKind.METRIC, state)
    assert shown.name == "rmse"
    assert _curves(shown, "train")
    assert _curves(shown, "validation")
    assert "r2 0.87" in _texts(shown)


def test_throughput_is_steps_per_second(make_run):
    shown = _chart(ChartKind.SPEED, make_run(steps=100, seconds_per_step=0.02, batch_size=32))
    values = {value for curve in _curves(shown, "train") for value in curve.low}
    assert min(values) == pytest.approx(50)
    assert max(values) == pytest.approx(50)
    assert shown.y.low == 0
    assert "1.6k samples/s" in _texts(shown)


def test_throughput_leaves_out_validation(make_run):
    state = make_run(steps=0)
    seconds = 0.0
    for step in range(1, 101):
        seconds += 0.1
        state.apply(Scalars(step=step, steps=[step], seconds=[seconds], values={"train_loss": [1.0]}))
        if step % 20 == 0:
            seconds += 10.0
            state.apply(EpochEnded(step=step, epoch=step // 20, seconds=seconds, metrics={"val_loss": 1.0}))
    shown = _chart(ChartKind.SPEED, state)
    values = {value for curve in _curves(shown, "train") for value in curve.low}
    assert min(values) == pytest.approx(10)
    assert max(values) == pytest.approx(10)


def test_each_layer_has_a_named_line(make_run):
    shown = _chart(ChartKind.LAYERS, make_run(steps=100, layers=("first", "last")))
    assert {layer.role for layer in shown.layers if isinstance(layer, Curve)} == {"layer1", "layer6"}
    assert {layer.text.strip() for layer in shown.layers if isinstance(layer, Annotation)} == {"first", "last"}


def test_many_layers_are_sampled_with_a_note(make_run):
    state = make_run(steps=40)
    layers = {f"block{k}": MeasuredLayer(grad_norm=1.0) for k in range(30)}
    state.apply(LayersMeasured(step=40, layers=layers))
    shown = _chart(ChartKind.LAYERS, state)
    assert "6 of 30" in _texts(shown)
    assert "block0" in _texts(shown)
    assert "block29" in _texts(shown)


def test_runs_keep_their_colors_when_another_run_is_selected(make_run):
    states = [make_run(steps=100, name=f"group/{name}") for name in ("sgd", "adam", "muon")]
    colors = run_colors(states)
    assert len(set(colors)) == 3
    for selected in range(3):
        shown = _chart(ChartKind.LOSS, *states, selected=selected)
        front = {layer.role for layer in shown.layers if isinstance(layer, Curve) and not layer.faint}
        behind = {layer.role for layer in shown.layers if isinstance(layer, Curve) and layer.faint}
        assert front == {FRONT_RUNS[colors[selected]]}
        others = {RUNS[color] for run, color in enumerate(colors) if run != selected}
        assert behind == {DIM_RUNS[colors[selected]], *others}
        assert shown.legend[0].text.startswith(("sgd", "adam", "muon")[selected])
        assert all(layer.dotted for layer in shown.layers if isinstance(layer, Curve) and len(layer.x) == 5)


def test_the_color_of_a_run_does_not_depend_on_the_order_of_the_runs(make_run):
    names = [f"set/{name}" for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")]
    states = {name: make_run([1.0], name=name) for name in names}
    colors = dict(zip(names, run_colors(list(states.values())), strict=True))
    for order in (sorted(names), sorted(names, reverse=True)):
        assert dict(zip(order, run_colors([states[name] for name in order]), strict=True)) == colors


def test_runs_are_laid_over_each_other_by_epoch_and_by_time(make_run):
    fast = make_run(steps=100, steps_per_epoch=20, seconds_per_step=0.01, name="fast")
    slow = make_run(steps=100, steps_per_epoch=50, epochs=8, seconds_per_step=0.05, name="slow")
    for axis, end in (("epoch", 2.0), ("time", 5.0)):
        shown = _chart(ChartKind.LOSS, fast, slow, axis=axis)
        last = max(curve.x[-1] for curve in shown.layers if isinstance(curve, Curve) and curve.role in RUNS)
        assert last == pytest.approx(end, rel=0.1)


def test_the_span_and_the_cursor_are_steps_on_every_axis(make_run):
    state = make_run(steps=200)
    for axis in AXES:
        shown = _chart(ChartKind.LOSS, state, axis=axis, span=(50, 150), cursor=100)
        assert shown.span == pytest.approx((50, 150))
        (cursor,) = [layer.x for layer in shown.layers if isinstance(layer, MarkerLine) and layer.foot == "cursor"]
        assert (cursor - shown.x.low) / (shown.x.high - shown.x.low) == pytest.approx(0.5, abs=0.02)


def test_the_legend_shows_values_at_the_cursor(make_run):
    state = make_run(lambda step: float(step), steps=200)
    shown = _chart(ChartKind.LOSS, state, cursor=100, smoothing=0)
    assert "train 100" in _texts(shown)
    assert "at 100" in _texts(shown)


def test_a_cursor_in_the_future_shows_the_planned_rate(make_run):
    state = make_run(steps=100, scheduler=OneCycle())
    shown = _chart(ChartKind.RATE, state, cursor=300)
    assert f"lr {state.plan.rate(300):.4g}" in _texts(shown)


def test_visible_span(make_run):
    state = make_run(steps=200)
    assert visible_span([state], 0, View()) == _chart(ChartKind.LOSS, state).span
    assert visible_span([state], 0, View(span=(10, 20))) == (10, 20)
    assert _chart(ChartKind.LOSS, state, span=(10, 20)).full_span == _chart(ChartKind.LOSS, state).span


def test_values_at_the_cursor_include_every_series(make_run):
    one, other = make_run(lambda step: float(step), steps=100, name="one"), make_run([7.0] * 100, name="group/other")
    found = dict(values_at([one, other], 0, View(cursor=50)))
    assert found["step"] == "50"
    assert found["epoch"] == "2.50"
    assert found["train loss"] == "50"
    assert found["other"] == "7"
    assert {"val loss", "learning rate", "gradient norm", "train accuracy", "val accuracy", "time"} <= set(found)
    assert dict(values_at([one], 0, View()))["train loss"] == "100"
    assert values_at([], 0, View()) == []


def test_untrusted_names_are_made_visible(make_run):
    state = make_run(steps=40, metric="a\x1b[31m", references={"\u202eevil": 1.0}, layers=("x\x07",))
    for kind in ChartKind:
        shown = _chart(kind, state, make_run(steps=40, name="b\x9b"))
        words = repr(
            [shown.name, shown.notes, shown.legend, [layer for layer in shown.layers if not isinstance(layer, Curve)]]
        )
        assert not any(sign in words for sign in ("\\x1b", "\\x07", "\\x9b", "\\u202e"))


def test_a_first_value_that_is_not_finite_is_shown_as_a_gap(make_run):
    shown = _chart(ChartKind.LOSS, make_run([None] * 5, epochs=1, steps_per_epoch=10))
    assert shown.message == "no finite value"
    assert [layer.sign for layer in shown.layers if isinstance(layer, Scatter)] == ["gap"]


def test_a_value_between_epochs_is_on_the_chart(make_run):
    state = make_run(steps=40)
    state.apply(Scalars(steps=[47], seconds=[0.5], values={"val_loss": [0.9]}))
    (validation,) = _curves(_chart(ChartKind.LOSS, state), "validation")
    assert validation.low[-1] == 0.9


def test_a_spike_in_the_newest_step_does_not_stretch_the_axis(make_run):
    calm = _chart(ChartKind.LOSS, make_run(lambda step: 1.0 + step % 7 / 7, steps=160))
    spiked = _chart(ChartKind.LOSS, make_run(lambda step: 90.0 if step == 160 else 1.0 + step % 7 / 7, steps=160))
    assert calm.y.high < 3
    assert spiked.y.high < 90


def test_the_last_values_of_a_diverging_run_are_visible(make_run):
    shown = _chart(ChartKind.LOSS, make_run(lambda step: 1.0 if step < 158 else 10.0 ** (step - 150), steps=160))
    assert shown.y.high >= _curves(shown, "train")[-1].high[-1]


def test_a_diverged_background_run_does_not_flatten_the_others(make_run):
    good = make_run(steps=100, name="set/good")
    broken = make_run(lambda step: 2.0 * 1.7**step, steps=100, name="set/high")
    broken.apply(RunFinished(step=100, reason="not-finite", epoch=5, exit_code=1))
    shown = chart_data(ChartKind.LOSS, [good, broken], 0, View(), 76, 20)
    assert shown.y.high < 20
    assert any(isinstance(layer, Scatter) and layer.sign == "above" for layer in shown.layers)
    for front, log_y in ((1, False), (0, True)):
        full = chart_data(ChartKind.LOSS, [good, broken], front, View(log_y=log_y), 76, 20)
        assert full.y.high > 1e20, "in front, or on a logarithmic axis, it is shown in full"


def test_validation_is_dashed_and_named(make_run):
    shown = _chart(ChartKind.LOSS, make_run(steps=200))
    assert all(curve.dotted for curve in _curves(shown, "validation"))
    assert [entry.text.split()[0] for entry in shown.legend[:2]] == ["train", "val"]


def test_means_over_an_epoch_are_drawn_half_an_epoch_earlier(make_run):
    state = make_run(steps=200)
    by_step, by_epoch = (_chart(ChartKind.METRIC, state, axis=axis) for axis in ("step", "epoch"))
    assert "train (-1/2 epoch)" in _texts(by_epoch)
    assert "(-1/2 epoch)" not in _texts(by_step)
    trained, validated = (_curves(by_epoch, role)[0].x for role in ("train", "validation"))
    assert [x + 0.5 for x in trained] == pytest.approx(validated)
    at_step = (_curves(by_step, role)[0].x for role in ("train", "validation"))
    assert len(set(at_step)) == 1


def test_a_logarithmic_x_axis_has_columns_of_equal_ratios(make_run):
    shown = _chart(ChartKind.LOSS, make_run(steps=400, epochs=20), log_x=True)
    assert (shown.x.low, shown.x.high) == (0, pytest.approx(2.602, abs=0.001))
    assert [tick.text for tick in shown.x.ticks][:3] == ["1", "2", "5"]
    ratios = [after / before for before, after in itertools.pairwise(shown.steps)]
    assert max(ratios) == pytest.approx(min(ratios))


@pytest.mark.parametrize("kind", ChartKind)
@pytest.mark.parametrize("axis", AXES)
def test_every_chart_can_have_a_logarithmic_x_axis(make_run, kind: ChartKind, axis: str):
    for state in (RunState(), make_run([]), make_run([1.0]), make_run(steps=33, metric="")):
        shown = _chart(kind, state, axis=axis, log_x=True, cursor=5)
        assert shown.x.low < shown.x.high
        assert len(shown.steps) == 94


def test_without_clipping_every_value_is_inside(make_run):
    state = make_run(lambda step: 90.0 if step == 60 else 1.0 + step % 7 / 7, steps=160)
    clipped, full = (_chart(ChartKind.LOSS, state, clip=clip, log={"loss": False}) for clip in (True, False))
    assert clipped.y.high < 10
    assert full.y.high >= 90
    signs = [[layer.sign for layer in shown.layers if isinstance(layer, Scatter)] for shown in (clipped, full)]
    assert "above" in signs[0]
    assert "above" not in signs[1]


def test_a_logarithmic_axis_is_clipped_too(make_run):
    state = make_run(lambda step: 1e9 if step == 60 else 1.0 + step % 7 / 7, steps=400)
    clipped, full = (_chart(ChartKind.LOSS, state, clip=clip, log={"loss": True}) for clip in (True, False))
    assert clipped.y.high < 1e3
    assert full.y.high >= 1e9


def test_the_median_ignores_a_spike(make_run):
    state = make_run(lambda step: 50.0 if step == 150 else 1.0, steps=400)
    mean, median = (_chart(ChartKind.LOSS, state, smoothing=30, median=median) for median in (False, True))
    assert max(max(curve.high) for curve in _curves(mean, "train")) > 1.5
    assert max(max(curve.high) for curve in _curves(median, "train")) == 1.0
    assert "median of 30" in _texts(median)


@pytest.mark.parametrize("earlier", [False, True])
def test_an_abandoned_branch_stays_as_a_dim_curve(make_run, earlier: bool):
    """A state that an earlier version saved has ghosts in place of branches."""
    state = make_run(steps=200)
    left = Ghost(name="train_loss", steps=list(range(100, 160)), values=[2.0] * 60)
    if earlier:
        state.ghosts.append(left)
    else:
        curves = {"train_loss": left}
        state.branches.append(Branch(id="1", what="set lr", left_by="undo", start=99, end=159, curves=curves))
    shown = _chart(ChartKind.LOSS, state)
    (branch,) = _curves(shown, "branch")
    assert branch.faint
    assert branch.dotted
    assert 99 < branch.x[0] < 102
    assert "undone" in _texts(shown)
    assert not _curves(_chart(ChartKind.NORM, state), "branch")


def test_a_shaded_stretch_is_on_every_chart(make_run):
    state = make_run(steps=200, layers=("first", "last"))
    for kind in ChartKind:
        (stretch,) = _chart(kind, state, shaded=((50, 100), (900, 990))).shaded
        assert stretch == pytest.approx((50, 100))
    assert _chart(ChartKind.LOSS, state, shaded=((50, 100),), axis="epoch").shaded == ((2.5, 5.0),)
    assert _chart(ChartKind.LOSS, state, shaded=((50, 100),), span=(80, 120)).shaded == ((80.0, 100.0),)


def test_the_newest_intervention_is_in_words(make_run):
    state = make_run(steps=200)
    for step, new, old in ((50, 0.2, 0.1), (120, 0.02, 0.2)):
        change = SettingChanged(
            step=step, name="lr", value=new, previous=old, cause=SetLearningRate(factor=0.1, by="ann@host")
        )
        state.apply(change)
    shown = _chart(ChartKind.LOSS, state)
    assert [layer.text for layer in shown.layers if isinstance(layer, Annotation)] == ["rate ÷10"]
    assert [layer.letter for layer in shown.layers if isinstance(layer, MarkerLine)] == ["l", "l"]


def test_a_metric_says_when_its_first_value_comes(make_run):
    state = make_run(lambda step: 1.0, steps=30, steps_per_epoch=50, seconds_per_step=0.5)
    assert _chart(ChartKind.METRIC, state).message == "validates at the end of epoch 1, in 10 s"
    state.apply(RunFinished(step=30, reason="stopped"))
    assert _chart(ChartKind.METRIC, state).message == "no accuracy measured"
