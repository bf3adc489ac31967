"""The layers page: gradient norm, update ratio and share of silent units of each layer, with bars and histories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import Layer
from tui_trainer.state.series import Series
from tui_trainer.text import cell_width, cut, padded, visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.layer_health import HEALTHY, ratio_bar, ratio_label, silent_style
from tui_trainer.ui.panels.layer_strips import StripView, strip_lines
from tui_trainer.ui.panels.log_pane import wrap
from tui_trainer.ui.panels.sparklines import history
from tui_trainer.ui.render.sparkline import sparkline

WIDE = 80
"""Width from which every layer is one line with all of its numbers."""
HISTORY = 10
"""Cells of a history."""


def layers_page(
    layers: Mapping[str, Layer],
    series: Mapping[str, Series],
    width: int,
    icons: Icons,
    strips: StripView | None = None,
    height: int | None = None,
) -> Content:
    """Return the page, at most `width` cells wide: a table where there is room, else two lines for each layer.

    Args:
        layers: the newest measurement of each layer.
        series: the series of the run; `update_ratio/NAME` is drawn as a history.
        width: cells from left to right.
        icons: the symbols to draw with.
        strips: the part of the strips over the steps that is shown; None leaves them out.
        height: lines that are visible at once: where the strips would lie below them, they come first.
    """
    if width >= WIDE:
        rows = _table(layers, series, width, icons)
    else:
        rows = _narrow(layers, series, width, icons)
    notes = [
        f"update: |update| / |weights|; about {10**HEALTHY:g} is healthy, the middle of the bar",
        "silent: share of ReLU units that are 0 for every validation sample",
        "gradient: gradient norm; logarithmic bar, full for the largest"
        if width >= WIDE
        else "gradient: gradient norm",
    ]
    lines = [Content.styled(line.rstrip(), "$muted") for note in notes for line in wrap(note, max(width, 8))]
    if strips is not None:
        over_steps = strip_lines(list(layers), series, strips, width, icons)
        too_long = height is not None and len(rows) + 1 + len(over_steps) > height
        rows = [*over_steps, Content(""), *rows] if too_long else [*rows, Content(""), *over_steps]
    return Content("\n").join([*rows, Content(""), *lines])


def _table(layers: Mapping[str, Layer], series: Mapping[str, Series], width: int, icons: Icons) -> list[Content]:
    """Return a heading and one line for each layer. Bars of gradient norms are logarithmic; the largest is full."""
    longest = max((cell_width(visible(name)) for name in layers), default=5)
    name_width = min(max(longest, 5), max(width - 68, 8), 36)
    bar = min(max((width - name_width - 48 - HISTORY - 2) // 3, 0), 16)
    norms = [math.log10(layer.grad_norm) for layer in layers.values() if layer.grad_norm]
    top, bottom = max(norms, default=0.0), min(norms, default=0.0) - 1
    rows = [_heading(name_width, bar)]
    for name, layer in layers.items():
        grad = (math.log10(layer.grad_norm) - bottom) / max(top - bottom, 1.0) if layer.grad_norm else 0.0
        rows.append(
            Content.assemble(
                padded(cut(visible(name), name_width), name_width),
                *_cell(layer.grad_norm, grad, bar, "$primary", icons),
                *_ratio(layer.update_ratio, bar, icons),
                ("  " + _history(series, name, HISTORY, icons), "$secondary"),
                *_silent(layer.dead, bar, icons),
                f"{number(layer.weight_norm):>10}",
            )
        )
    return rows


def _narrow(layers: Mapping[str, Layer], series: Mapping[str, Series], width: int, icons: Icons) -> list[Content]:
    """Return two lines for each layer: name, update ratio with bar and history; gradient, silent units, weights."""
    rows: list[Content] = []
    for (name, layer), short in zip(layers.items(), _short_names(list(layers)), strict=True):
        share, style = ratio_bar(layer.update_ratio)
        ratio = f"{number(layer.update_ratio, 2)} {ratio_label(layer.update_ratio)}".rstrip()
        room = max(width - 14 - 13, 0)
        bar = min(room // 2, 12)
        curve = max(room - bar - 1, 0)
        full, rest = icons.bar(share, bar) if bar else ("", "")
        rows.append(
            Content.assemble(
                padded(cut(short, 13), 14),
                (f"{ratio:<13}", "bold"),
                (full, style),
                (rest, "$border"),
                (" " + _history(series, name, min(curve, 24), icons) if curve > 2 else "", "$secondary"),
            )
        )
        dead = f"{layer.dead:.0%} silent" if layer.dead is not None else ""
        facts = [f"gradient {number(layer.grad_norm, 3)}", dead, f"weights {number(layer.weight_norm, 3)}"]
        text = "  ".join(fact for fact in facts if fact)
        dead_style = silent_style(layer.dead) if layer.dead is not None and layer.dead >= 0.2 else "$muted"
        rows.append(Content.styled(f"  {cut(text, max(width - 2, 0))}", dead_style))
    return rows


def _short_names(names: Sequence[str]) -> list[str]:
    """Return the names without the beginning that all of them share, up to a dot."""
    readable = [visible(name) for name in names]
    if len(readable) < 2:
        return readable
    first, last = min(readable), max(readable)
    same = next((index for index, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), 0)
    return [name[first.rfind(".", 0, same) + 1 :] for name in readable]


def _history(series: Mapping[str, Series], name: str, width: int, icons: Icons) -> str:
    """Return the history of the update ratio of a layer on a logarithmic scale, blank where there is none."""
    recorded = series.get(f"update_ratio/{name}")
    if recorded is None or recorded.count < 2:
        return " " * width
    values = [math.log10(value) if value > 0 else math.nan for value in history(recorded, width)]
    return sparkline(values, width, icons.ascii)


def _heading(name_width: int, bar: int) -> Content:
    columns = [f"{'layer':<{name_width}}"]
    columns += [f"  {title:<{room + bar}}" for title, room in (("gradient", 9), ("update", 13))]
    columns += [f"  {'history':<{HISTORY}}", f"  {'silent':<{9 + bar}}"]
    return Content.styled("".join([*columns, "   weights"]), "$muted")


def _cell(value: float | None, share: float, bar: int, style: str, icons: Icons) -> list[tuple[str, str] | str]:
    full, rest = icons.bar(share, bar) if bar else ("", "")
    return [f"  {number(value, 3):<9}", (full, style), (rest, "$border")]


def _ratio(value: float | None, bar: int, icons: Icons) -> list[tuple[str, str] | str]:
    share, style = ratio_bar(value)
    cells = _cell(value, share, bar, style, icons)
    cells[0] = f"  {f'{number(value, 2)} {ratio_label(value)}':<13}"
    return cells


def _silent(value: float | None, bar: int, icons: Icons) -> list[tuple[str, str] | str]:
    cells = _cell(value, value or 0.0, bar, silent_style(value), icons)
    cells[0] = f"  {f'{value:.0%}' if value is not None else '-':<9}"
    return cells
