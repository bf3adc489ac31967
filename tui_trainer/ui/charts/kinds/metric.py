"""The task's own metric on both splits: accuracy, error of a regression, perplexity."""

from __future__ import annotations

from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.kinds.loss import mark_best
from tui_trainer.ui.charts.model import ChartData

GAP = "suboptimality"
"""How far the training objective is above its least value, as a share of the first distance: measured on request."""

DENSE = 4
"""Values an epoch, from which on a training metric counts as measured by step."""


def metric_of(state: RunState) -> str:
    """The name of the run's metric without its prefix; empty where it has none but the loss.

    A run that was asked for its suboptimality shows that: whoever asks is looking at the optimizer.
    """
    if GAP in state.series:
        return GAP
    if state.started is not None and state.started.metric:
        return state.started.metric
    names = [name.removeprefix("val_") for name in state.series if name.startswith("val_")]
    return next((name for name in names if name != "loss"), "")


def draw(scene: ChartContext, key: int) -> ChartData:
    """Training and validation, the best epoch, and the share of the variance explained where it is measured."""
    state = scene.state
    metric = metric_of(state)
    sheet = ChartBuilder(scene, key, visible(metric) or "metric")
    if not metric:
        return sheet.finish()
    if metric == GAP:
        return _gap(sheet)
    training = scene.cut(f"train_{metric}")
    if training.series.count > DENSE * max(state.epoch, 1):
        sheet.noisy(f"train_{metric}", "train", "train", "smooth")
    elif scene.alone:
        sheet.exact(training, "train", "smooth")
    sheet.exact(
        scene.cut(f"val_{metric}"),
        "val" if scene.alone else scene.name(scene.front),
        scene.own("validation"),
        signs=True,
    )
    for run in scene.thinned:
        cut = scene.cut(f"val_{metric}", run)
        sheet.curves += cut.band(scene.dim(run), faint=True)
        if cut:
            sheet.read(scene.dim(run), "line", scene.name(run), scene.value(cut, run=run))
    mark_best(sheet, f"val_{metric}")
    explained = scene.cut("val_r2")
    if explained.series.count and metric != "r2":
        sheet.read("text", "", "r2", scene.value(explained))
    return sheet.finish()


def _gap(sheet: ChartBuilder) -> ChartData:
    """The suboptimality of every run, by powers of ten."""
    scene = sheet.scene
    sheet.steep = True
    name = "f - f*" if scene.alone else scene.name(scene.front)
    sheet.exact(scene.cut(GAP), name, scene.own("train"))
    for run in scene.behind:
        cut = scene.cut(GAP, run)
        sheet.curves += cut.band(scene.dim(run), faint=True)
        if cut:
            sheet.read(scene.dim(run), "line", scene.name(run), scene.value(cut, run=run))
    return sheet.finish()
