"""The layers table: gradient norm, update ratio and share of silent units of each layer, with small bars."""

from __future__ import annotations

import math
from collections.abc import Mapping

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import Layer
from tui_trainer.text import visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.layer_health import HEALTHY, ratio_bar, ratio_label, silent_style


def layers_table(layers: Mapping[str, Layer], width: int, icons: Icons) -> Content:
    """Return the table, at most `width` cells wide. Bars of gradient norms are logarithmic; the largest is full."""
    longest = max((len(visible(name)) for name in layers), default=5)
    name_width = min(max(longest, 5), max(width - 47, 8), 36)
    bar = min(max((width - name_width - 48) // 3, 0), 16)
    norms = [math.log10(layer.grad_norm) for layer in layers.values() if layer.grad_norm]
    top, bottom = max(norms, default=0.0), min(norms, default=0.0) - 1
    rows = [_heading(name_width, bar)]
    for name, layer in layers.items():
        grad = (math.log10(layer.grad_norm) - bottom) / max(top - bottom, 1.0) if layer.grad_norm else 0.0
        rows.append(
            Content.assemble(
                f"{visible(name)[:name_width]:<{name_width}}",
                *_cell(layer.grad_norm, grad, bar, "$primary", icons),
                *_ratio(layer.update_ratio, bar, icons),
                *_silent(layer.dead, bar, icons),
                f"{number(layer.weight_norm):>10}",
            )
        )
    notes = [
        Content.styled("gradient: gradient norm; logarithmic bar, full for the largest", "$muted"),
        Content.styled(
            f"update: |update| / |weights|; about {10**HEALTHY:g} is healthy, the middle of the bar", "$muted"
        ),
        Content.styled("silent: share of ReLU units that are 0 for every validation sample", "$muted"),
    ]
    return Content("\n").join([*rows, Content(""), *notes])


def _heading(name_width: int, bar: int) -> Content:
    columns = [f"{'layer':<{name_width}}"]
    columns += [f"  {title:<{room + bar}}" for title, room in (("gradient", 9), ("update", 13), ("silent", 9))]
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
