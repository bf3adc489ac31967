"""Every layer in a line: gradient norm, size of its update, share of silent units, each with a small bar."""

from __future__ import annotations

import math
from collections.abc import Mapping

from textual.content import Content

from tui_trainer.protocol.describe import number
from tui_trainer.protocol.events import Layer
from tui_trainer.text import visible
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.layer_health import HEALTHY, dead_style, ratio_bar, ratio_word


def layers_table(layers: Mapping[str, Layer], width: int, signs: Icons) -> Content:
    """The table, at most `width` wide. Bars of gradient norms are logarithmic, the largest is full."""
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
                *_cell(layer.grad_norm, grad, bar, "$primary", signs),
                *_ratio(layer.update_ratio, bar, signs),
                *_dead(layer.dead, bar, signs),
                f"{number(layer.weight_norm):>10}",
            )
        )
    notes = [
        Content.styled("gradient: its norm, logarithmic, the largest fills its bar", "$muted"),
        Content.styled(
            f"update: |update| / |weights|, about {10**HEALTHY:g} is right: the middle of its bar", "$muted"
        ),
        Content.styled("silent: share of ReLUs that no validation sample moved", "$muted"),
    ]
    return Content("\n").join([*rows, Content(""), *notes])


def _heading(name_width: int, bar: int) -> Content:
    columns = [f"{'layer':<{name_width}}"]
    columns += [f"  {title:<{room + bar}}" for title, room in (("gradient", 9), ("update", 13), ("silent", 9))]
    return Content.styled("".join([*columns, "   weights"]), "$muted")


def _cell(value: float | None, share: float, bar: int, style: str, signs: Icons) -> list[tuple[str, str] | str]:
    full, rest = signs.bar(share, bar) if bar else ("", "")
    return [f"  {number(value, 3):<9}", (full, style), (rest, "$border")]


def _ratio(value: float | None, bar: int, signs: Icons) -> list[tuple[str, str] | str]:
    share, style = ratio_bar(value)
    cells = _cell(value, share, bar, style, signs)
    cells[0] = f"  {f'{number(value, 2)} {ratio_word(value)}':<13}"
    return cells


def _dead(value: float | None, bar: int, signs: Icons) -> list[tuple[str, str] | str]:
    cells = _cell(value, value or 0.0, bar, dead_style(value), signs)
    cells[0] = f"  {f'{value:.0%}' if value is not None else '-':<9}"
    return cells
