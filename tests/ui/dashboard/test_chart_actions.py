"""The keys that change how charts draw their values."""

from __future__ import annotations

from tests.ui.dashboard.test_context import RecordingContext
from tests.ui.fake_session import running
from tui_trainer.ui.charts.registry import ChartKind, chart_data
from tui_trainer.ui.dashboard.actions.chart_actions import ChartActions


def _log(context: RecordingContext, kind: ChartKind) -> bool:
    state = context.view_state
    return chart_data(kind, state.states, 0, state.view, 80, 20).y.log


def test_the_logarithm_is_that_of_the_loss_or_of_the_maximized_chart() -> None:
    context = RecordingContext(running())
    handlers = ChartActions(context).handlers()
    handlers["log_y"]()
    assert _log(context, ChartKind.LOSS)
    assert not _log(context, ChartKind.NORM)
    context.view_state.maximized = ChartKind.NORM
    handlers["log_y"]()
    assert context.view_state.view.log == {"loss": True, "norm": True}
    handlers["log_y"]()
    assert context.view_state.view.log == {"loss": True, "norm": False}


def test_an_accuracy_keeps_its_linear_axis() -> None:
    context = RecordingContext(running())
    context.view_state.maximized = ChartKind.METRIC
    ChartActions(context).handlers()["log_y"]()
    assert context.view_state.view.log == {}
    assert not _log(context, ChartKind.METRIC)
    assert "stays linear" in context.messages[-1]


def test_the_other_keys_switch_their_part_of_the_view_and_back() -> None:
    session = running()
    context = RecordingContext(session)
    handlers = ChartActions(context).handlers()
    before = context.view_state.view
    for name, attribute in (("log_x", "log_x"), ("outliers", "clip"), ("median", "median")):
        handlers[name]()
        assert getattr(context.view_state.view, attribute) is not getattr(before, attribute)
        handlers[name]()
        assert context.view_state.view == before
    assert session.sent == []
