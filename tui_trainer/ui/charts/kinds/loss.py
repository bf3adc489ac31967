"""The loss: training per step, validation per epoch, on one axis."""

from __future__ import annotations

from tui_trainer.protocol.describe import number
from tui_trainer.text import visible
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import ChartData, LegendEntry, Level, Scatter


def draw(scene: ChartContext, key: int) -> ChartData:
    """The training loss as a faint band with its moving average, validation losses, the best epoch, references."""
    sheet = ChartBuilder(scene, key, "loss")
    sheet.noisy("train_loss", "train", "train", "smooth")
    sheet.exact(scene.cut("val_loss"), "val", scene.own("validation"), signs=True, dotted=not scene.alone)
    sheet.behind("train_loss")
    sheet.steep = scene.falls_to_nothing and not any(value < 0 for curve in sheet.curves for value in curve.low)
    if scene.alone:
        mark_best(sheet, "val_loss")
    references = scene.state.started.references if scene.state.started is not None else {}
    for name, value in references.items():
        sheet.levels.append(Level("reference", value, visible(f"{name} {number(value)}")))
    return sheet.finish()


def mark_best(sheet: ChartBuilder, name: str) -> None:
    """A star at the best epoch on the series `name`, whatever metric chose that epoch."""
    scene = sheet.scene
    best, series = scene.state.best, scene.state.series.get(name)
    if best is None or series is None or not series.count:
        return
    found = series.at(best.step)
    value = best.value if best.metric == name else found[1] if found is not None else None
    if value is None:
        return
    sheet.legend.append(LegendEntry("best", "best", f"best {number(value)} @{best.epoch}"))
    place = scene.grid.spot(best.step)
    if place is not None:
        sheet.points.append(Scatter("best", (place,), (value,), "best"))
        sheet.firm.append(value)
