"""The norm of the gradient over all parameters, before clipping."""

from __future__ import annotations

from tui_trainer.protocol.describe import number
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.model import ChartData, Level


def draw(scene: ChartContext, key: int) -> ChartData:
    """The norm as a faint band with its moving average, and the threshold of the clip."""
    sheet = ChartBuilder(scene, key, "gradient norm", steep=scene.falls_to_nothing)
    sheet.noisy("grad_norm", "norm", "norm", "norm-smooth")
    sheet.behind("grad_norm")
    clip = scene.state.clip_grad_norm
    if clip > 0:
        sheet.levels.append(Level("clip", clip, f"clip {number(clip)}"))
        sheet.read("clip", "dots", "clip", clip)
    return sheet.finish()
