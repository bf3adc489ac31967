"""The chart of the global gradient norm, before clipping."""

from __future__ import annotations

from tui_trainer.protocol.describe import number
from tui_trainer.ui.charts.builder import ChartBuilder
from tui_trainer.ui.charts.context import ChartContext
from tui_trainer.ui.charts.history.baseline import add_baseline
from tui_trainer.ui.charts.model import ChartData, Level


def draw(context: ChartContext, key: int) -> ChartData:
    """Draw the norm as a faint band with its moving average, and the clipping threshold."""
    builder = ChartBuilder(
        context, key, "gradient norm", chart="norm", log_series=("grad_norm",), force_log=context.converges_to_zero
    )
    builder.add_noisy("grad_norm", "norm")
    builder.add_background("grad_norm")
    add_baseline(builder, "grad_norm")
    clip = context.state.clip_grad_norm
    if clip > 0:
        builder.levels.append(Level("reference", clip, f"clip {number(clip)}"))
        builder.add_legend("reference", "", "clip", clip)
    return builder.build()
