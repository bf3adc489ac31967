"""The curve of a search for a learning rate: the loss over the logarithm of the rate, with its marks."""

from __future__ import annotations

import math

from tui_trainer.protocol.events import RateFound
from tui_trainer.text import number
from tui_trainer.ui.charts.model import Area, ChartData, Curve, Layer, LegendEntry, MarkerLine, Scale, Tick, blank
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.ranges import vertical_scale
from tui_trainer.ui.charts.ticks import log_ticks
from tui_trainer.ui.render.plot import draw

NAME = "loss by rate"
WIDTH, HEIGHT = 80, 18
MOST_RISE = 1.0
"""Rise above the first loss that is drawn, in units of the whole fall."""


def rate_chart(found: RateFound, chosen: float | None, width: int, height: int) -> ChartData:
    """Draw the losses faintly, their smoothed curve, and the marks: p proposed, s steepest, t a tenth, v chosen."""
    if len(found.rates) < 2:
        return blank(0, NAME, "too few losses for a curve")
    area = Area.of(width, height)
    x = tuple(math.log10(rate) for rate in found.rates)
    # A loss that explodes at the end would press the descent flat.
    low, first = min(found.smoothed), found.smoothed[0]
    most = first + MOST_RISE * max(first - low, 0.05 * abs(first))
    raw, smooth = (tuple(min(loss, most) for loss in losses) for losses in (found.losses, found.smoothed))
    curves = [Curve("train-band", x, raw, raw, faint=True), Curve("train", x, smooth, smooth)]
    marks = [("p", found.proposed), ("s", found.steepest), ("t", found.tenth), ("v", chosen)]
    lines: list[Layer] = [
        MarkerLine("mark", "mark", math.log10(rate), letter)
        for letter, rate in marks
        if rate is not None and found.rates[0] <= rate <= found.rates[-1]
    ]
    ticks = log_ticks(found.rates[0], found.rates[-1], max(area.columns // 9, 1))
    across = Scale(x[0], x[-1], tuple(Tick(math.log10(tick.at), tick.text) for tick in ticks))
    legend = [LegendEntry("mark", "", text) for text in _legend(found)]
    return ChartData(
        0, NAME, across, vertical_scale(curves, area.rows, log=False), unit="lr", legend=tuple(legend),
        layers=(*curves, *lines),
    )  # fmt: skip


def _legend(found: RateFound) -> list[str]:
    if found.steepest is None or found.tenth is None:
        return ["no clear rate"]
    proposed = [f"p proposed {number(found.proposed, 3)}"] if found.proposed is not None else []
    return [*proposed, f"s steepest {number(found.steepest, 3)}", f"t minimum/10 {number(found.tenth, 3)}"]


def plain_rate_chart(found: RateFound, width: int = WIDTH) -> str:
    """Draw the curve as lines of text."""
    strips = draw(rate_chart(found, None, width, HEIGHT), width, HEIGHT, palette(depth="none"))
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
